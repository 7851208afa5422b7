import { ExecutorLines } from './executor-lines';

const header = (command: string, mark = '> '): string => `${mark}${command}\r\n\r\n`;
const warning = (command: string): string => `Warning: command "${command}" exited with non-zero status code`;

/** The remaining output if it arrives in chunks of this size. */
function left(commands: string[], output: string, size = output.length, keepHeaders = false): string {
  const lines = new ExecutorLines(commands, keepHeaders);
  let text = '';
  for (let at = 0; at < output.length; at += size) text += lines.push(output.slice(at, at + size));
  return (text + lines.end()).replace(/^\n/, '');
}

describe('ExecutorLines', () => {
  const run = 'node tools/x.js';

  it.each([1, 2, 3, 7, 1000])('takes header and warning out of chunks of %d characters', (size) => {
    expect(left([run], `${header(run)}said\n${warning(run)}`, size)).toBe('said\n');
  });

  it('knows a header in colour', () => {
    expect(left([run], `${header(run, '\u001b[2m> \u001b[22m')}said\n`)).toBe('said\n');
  });

  it('takes a header that comes in two chunks out', () => {
    const lines = new ExecutorLines([run], false);
    expect([lines.push('> node to'), lines.push('ols/x.js\r\n\r'), lines.push('\nsaid')]).toEqual([
      '',
      '',
      '\nsaid',
    ]);
  });

  it('lets through at once what can be no header', () => {
    const lines = new ExecutorLines([run], false);
    lines.push(header(run));
    expect([lines.push('one\n> no'), lines.push('de\r\n'), lines.push('Warn')]).toEqual([
      'one\n> no',
      'de\r\n',
      '',
    ]);
    expect(lines.end()).toBe('Warn');
  });

  it.each([
    ['as npm prints it', '> lib@1.0.0 build\n> node tools/x.js\n\n'],
    ['of another command', '> node tools/y.js\r\n\r\n'],
    ['of a command that begins alike', '> node tools/x.jsx\r\n\r\n'],
    ['that comes again', header(run)],
    ['that is cut off', '> node tools/x.js\r\n'],
    ['that warns in the middle', `${warning(run)}\nmore\n`],
    ['that warns of another command', warning('node tools/y.js')],
  ])('keeps a line of the user %s', (_which, said) => {
    for (const size of [1, 1000]) expect(left([run], header(run) + said, size)).toBe(said);
  });

  it('keeps everything of a task that another executor runs', () => {
    const output = `${header(run)}said\n${warning(run)}`;
    expect(left([], output)).toBe(output);
  });

  it('takes the arguments of a command with it', () => {
    expect(left([run], `${header(`${run} --a=1`)}said\n${warning(`${run} --a=1`)}`, 4)).toBe('said\n');
    expect(left(['echo {args.a} b'], `${header('echo 1 b')}1 b\n${warning('echo 1 b')}`, 4)).toBe('1 b\n');
  });

  it('keeps the header of a command that is all arguments: it could be any line', () => {
    expect(left(['{args.tool}'], `${header('tool')}said`)).toBe(`${header('tool')}said`);
  });

  it('takes the headers of commands in a row out, and joins no lines', () => {
    const output = `${header('one')}first${header('two')}second\n${warning('two')}`;
    for (const size of [1, 1000]) expect(left(['one', 'two'], output, size)).toBe('first\nsecond\n');
  });

  it('takes the headers of commands side by side out, in whatever order they are', () => {
    expect(left(['one', 'two'], `${header('two')}${header('one')}said\n`)).toBe('\nsaid\n');
  });

  it('takes the header of a command of several lines out', () => {
    expect(left(['one\ntwo'], `${header('one\ntwo')}said\n`, 3)).toBe('said\n');
  });

  it.each([1, 1000])(
    'takes out only warnings, of several commands too, when headers are to stay: %d',
    (size) => {
      const output = `${header('a')}said${header('b')}${warning('a')}\r\n${warning('b')}`;
      expect(left(['a', 'b'], output, size, true)).toBe(`${header('a')}said\n${header('b')}`);
    },
  );
});
