import { stripVTControlCharacters } from 'node:util';
import { createStreamPrinter, type StreamPrinter } from './stream-printer';
import { resolveNx } from '../install/nx-install';
import type { NxTask } from '../model/types';

/** The Nx of this repository, which runs the commands in place. */
describe('createStreamPrinter', () => {
  const task: NxTask = {
    id: 'a:x',
    target: { project: 'a', target: 'x' },
    overrides: { __overrides_unparsed__: [] },
    outputs: [],
  };
  const projectGraph = {
    nodes: {
      a: {
        name: 'a',
        type: 'lib',
        data: {
          root: 'a',
          targets: { x: { executor: 'nx:run-commands', options: { command: 'node x.js' } } },
        },
      },
    },
    dependencies: {},
  };
  const { workspaceRoot } = resolveNx();
  let written = '';
  let before: string | undefined;

  beforeEach(() => {
    written = '';
    before = process.env['NX_PREFIX_OUTPUT'];
    jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      written += String(chunk);
      return true;
    });
  });

  afterEach(() => {
    jest.restoreAllMocks();
    if (before === undefined) delete process.env['NX_PREFIX_OUTPUT'];
    else process.env['NX_PREFIX_OUTPUT'] = before;
  });

  const printed = (prefixed: boolean, use: (printer: StreamPrinter) => void): string[] => {
    process.env['NX_PREFIX_OUTPUT'] = String(prefixed);
    use(createStreamPrinter(task, projectGraph, workspaceRoot));
    return stripVTControlCharacters(written)
      .split(/\r?\n/)
      .filter((line) => line !== '' && line !== '> nx run a:x');
  };
  const warning = 'Warning: command "node x.js" exited with non-zero status code';

  it('omits with prefixes what run-commands prints, and nothing that the command prints', () => {
    const lines = printed(true, (printer) => {
      printer.write('> node');
      printer.write(' x.js\r\n\r\n> a@1.0.0 x\n> node x.js\n\nfirst');
      printer.write(`\n${warning}`);
      printer.end();
    });
    expect(lines).toEqual(['a: > a@1.0.0 x', 'a: > node x.js', 'a: first']);
  });

  it('shows a note below an omitted warning', () => {
    const lines = printed(true, (printer) => {
      printer.write(`> node x.js\r\n\r\nfirst\n${warning}`);
      printer.end('\nnote\n');
    });
    expect(lines).toEqual(['a: first', 'a: note']);
  });

  it('omits the header of another attempt too, and starts a line for it', () => {
    const lines = printed(true, (printer) => {
      printer.write('> node x.js\r\n\r\nfir');
      printer.restart();
      printer.write('> node x.js\r\n\r\nfirst\n');
      printer.end();
    });
    expect(lines).toEqual(['a: fir', 'a: first']);
  });

  it('prints everything unchanged without prefixes', () => {
    const lines = printed(false, (printer) => {
      printer.write(`> node x.js\r\n\r\nfirst\n${warning}`);
      printer.end('\nnote\n');
    });
    expect(lines).toEqual(['> node x.js', 'first', warning, 'note']);
  });
});
