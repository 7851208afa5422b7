import { withoutMarkers } from '@org/dte-protocol';
import { OpenSections, sectionOf, type LogSection } from './log-sections';

const ESC = '\u001B';

/** As GitLab reads a log: its lines, each with the sections that it is in, and `open` sections at the end. */
function asGitlab(log: string): { lines: [string, string[]][]; open: string[]; closed: string[] } {
  // eslint-disable-next-line no-control-regex -- what GitLab looks for
  const marker = /section_(start|end):(\d+):([a-zA-Z0-9_.-]+)(\[[^\]]*\])?\r\u001B\[0K/y;
  const open = new Map<string, string>();
  const closed: string[] = [];
  const lines: [string, string[]][] = [];
  let line = '';
  const flush = (): void => {
    if (line !== '') lines.push([line, [...open.keys()]]);
    line = '';
  };
  for (let at = 0; at < log.length;) {
    marker.lastIndex = at;
    const [whole, kind, , name = '', options = ''] = marker.exec(log) ?? [];
    // eslint-disable-next-line no-control-regex -- what GitLab looks for
    const [sequence] = /^\u001B[@-_].*?[@-~]/.exec(log.slice(at, at + 50)) ?? [];
    if (whole !== undefined) {
      const key = name.toLowerCase().replace(/[^a-z0-9]/g, '-');
      flush();
      if (kind === 'end') open.delete(key);
      else {
        open.set(key, options);
        if (options.includes('collapsed=true')) closed.push(key);
      }
      at += whole.length;
    } else if (sequence !== undefined) at += sequence.length;
    else {
      const char = log[at] ?? '';
      if (char === '\n') flush();
      else if (char === '\r' && log[at + 1] !== '\n') line = '';
      else if (char !== '\r') line += char;
      at += 1;
    }
  }
  flush();
  return { lines, open: [...open.keys()], closed };
}

const section = (fields: Partial<LogSection>): string =>
  sectionOf({
    name: 'dte-1',
    header: 'app:test',
    isClosed: true,
    startMs: 5_999,
    endMs: 9_000,
    text: 'output\n',
    ...fields,
  });
const start = (name: string, options = '[collapsed=true]'): string =>
  `${ESC}[0Ksection_start:1:${name}${options}\r${ESC}[0K`;
const end = (name: string): string => `${ESC}[0Ksection_end:2:${name}\r${ESC}[0K`;

describe('a section of the log', () => {
  it('has the form that GitLab documents, with times in seconds', () => {
    expect(section({})).toBe(
      `${ESC}[0Ksection_start:5:dte-1[collapsed=true]\r${ESC}[0Kapp:test\noutput\n${ESC}[0m${ESC}[0Ksection_end:9:dte-1\r${ESC}[0K\n`,
    );
    expect(section({ isClosed: false })).toContain(`section_start:5:dte-1\r${ESC}[0Kapp:test\n`);
  });

  it('does not end before it began if the clocks of two machines differ', () => {
    expect(section({ startMs: 20_000 })).toContain('section_start:9:');
  });

  it('keeps sections that are the own ones of the output', () => {
    const text = `${start('install')}npm ci\nadded 3\n${end('install')}passed\n`;
    const { lines, open } = asGitlab(`${section({ text })}after\n`);
    expect(lines).toEqual([
      ['app:test', ['dte-1']],
      ['npm ci', ['dte-1', 'install']],
      ['added 3', ['dte-1', 'install']],
      ['passed', ['dte-1']],
      ['after', []],
    ]);
    expect(open).toEqual([]);
  });

  const hostile: [string, string][] = [
    ['opens a section and never closes it', `${start('hidden')}text`],
    ['opens several', `${start('one')}text${start('two')}${start('Three.x')}\n`],
    ['closes the section around it', `${end('dte-1')}forged\n`],
    ['closes it under a name that GitLab treats as the same', `${end('DTE_1')}forged\n`],
    ['opens it again', `${start('dte-1')}forged\n${end('dte-1')}`],
    ['closes that of the runner', `${end('step_script')}text\n`],
    ['opens that of the runner', `${start('step_script')}text\n${end('step_script')}`],
    ['opens one twice', `${start('x')}${start('x')}text\n${end('x')}`],
    ['ends with the beginning of a marker', 'text\nsection_start:1:x'],
    ['ends with a marker that our text would complete', 'text\nsection_start:1:x[collapsed=true]\r'],
    ['has a name that is too long', start('x'.repeat(5_000))],
    ['has a marker in the options of a marker', `section_start:1:x[section_start:1:y]\r${ESC}[0Ktext\n`],
    ['ends inside an escape sequence', `text${ESC}[`],
  ];
  it.each(hostile)('what follows it is visible if the output %s', (_, text) => {
    const failed = section({ name: 'dte-2', header: 'app:build failed', isClosed: false });
    const log = `${start('step_script', '')}${section({ text })}${failed}the end\n`;
    const { lines, open, closed } = asGitlab(log);
    expect(lines).toContainEqual(['app:build failed', ['step-script', 'dte-2']]);
    expect(lines.at(-1)).toEqual(['the end', ['step-script']]);
    expect(open).toEqual(['step-script']);
    expect(closed).not.toContain('dte-2');
    const forged = lines.filter(([line]) => line.includes('forged'));
    for (const [, sections] of forged) expect(sections).toContain('dte-1');
  });

  it('has markers in no header', () => {
    expect(asGitlab(section({ header: `a${start('x')}b` })).open).toEqual([]);
  });
});

it('markers have no effect outside of sections', () => {
  const { lines, open } = asGitlab(withoutMarkers(`${start('x')}one\n${end('y')}two\n`));
  expect(open).toEqual([]);
  expect(lines.map(([, sections]) => sections)).toEqual([[], []]);
});

it('sections that streamed output leaves open can be closed, however it is cut', () => {
  const text = `a${start('one')}b\n${start('Two.2')}c\n${end('one')}d\n${start('three')}e\n`;
  for (const size of [1, 7, 1_000]) {
    const sections = new OpenSections();
    for (let at = 0; at < text.length; at += size) sections.see(text.slice(at, at + size));
    const { lines, open } = asGitlab(`${text}${sections.close(9_000)}the end\n`);
    expect(lines.at(-1)).toEqual(['the end', []]);
    expect(open).toEqual([]);
    expect(sections.close(9_000)).toBe(`${ESC}[0m`);
  }
});
