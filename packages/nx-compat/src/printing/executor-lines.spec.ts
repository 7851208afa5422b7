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

  it.each([1, 2, 3, 7, 1000])('removes header and warning from chunks of %d characters', (size) => {
    expect(left([run], `${header(run)}said\n${warning(run)}`, size)).toBe('said\n');
  });

  it('detects a header in colour', () => {
    expect(left([run], `${header(run, '\u001b[2m> \u001b[22m')}said\n`)).toBe('said\n');
  });

  it('removes a header that arrives in two chunks', () => {
    const lines = new ExecutorLines([run], false);
    expect([lines.push('> node to'), lines.push('ols/x.js\r\n\r'), lines.push('\nsaid')]).toEqual([
      '',
      '',
      '\nsaid',
    ]);
  });

  it('prints at once what cannot be a header', () => {
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

  it('keeps the whole output of a task of another executor', () => {
    const output = `${header(run)}said\n${warning(run)}`;
    expect(left([], output)).toBe(output);
  });

  it('removes the arguments of a command with its header', () => {
    expect(left([run], `${header(`${run} --a=1`)}said\n${warning(`${run} --a=1`)}`, 4)).toBe('said\n');
    expect(left(['echo {args.a} b'], `${header('echo 1 b')}1 b\n${warning('echo 1 b')}`, 4)).toBe('1 b\n');
  });

  it('keeps the header of a command that is all arguments, because it could be any line', () => {
    expect(left(['{args.tool}'], `${header('tool')}said`)).toBe(`${header('tool')}said`);
  });

  it('removes the headers of sequential commands, and does not join lines', () => {
    const output = `${header('one')}first${header('two')}second\n${warning('two')}`;
    for (const size of [1, 1000]) expect(left(['one', 'two'], output, size)).toBe('first\nsecond\n');
  });

  it('removes the headers of parallel commands, in any order', () => {
    expect(left(['one', 'two'], `${header('two')}${header('one')}said\n`)).toBe('\nsaid\n');
  });

  it('removes the header of a command of several lines', () => {
    expect(left(['one\ntwo'], `${header('one\ntwo')}said\n`, 3)).toBe('said\n');
  });

  it.each([1, 1000])('removes only warnings, of several commands too, if headers are kept: %d', (size) => {
    const output = `${header('a')}said${header('b')}${warning('a')}\r\n${warning('b')}`;
    expect(left(['a', 'b'], output, size, true)).toBe(`${header('a')}said\n${header('b')}`);
  });
});
