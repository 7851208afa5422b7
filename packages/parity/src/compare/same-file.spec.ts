import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { comparableText } from './same-file';

describe('comparableText', () => {
  let workspace: string;

  beforeEach(() => (workspace = mkdtempSync(join(tmpdir(), 'same-'))));
  afterEach(() => rmSync(workspace, { recursive: true }));

  const textOf = (name: string, content: string | Buffer): string | null => {
    writeFileSync(join(workspace, name), content);
    return comparableText(name, { workspace, folders: { [workspace]: '<workspace>' } });
  };

  it('leaves moments, measured times and folders out of reports', () => {
    const report = (time: string, moment: string): string =>
      `<testsuite name="a" tests="2" time="${time}" timestamp="${moment}" file="${workspace}/a"/>`;
    expect(textOf('junit.xml', report('0.123', '2026-01-02T03:04:05'))).toBe(
      textOf('junit.xml', report('12.5', '2026-01-03T03:04:06')),
    );
    expect(textOf('result.json', '{"startTime":1767225600000,"duration":12}')).toBe(
      textOf('result.json', '{"startTime":1767225700001,"duration":7}'),
    );
    expect(textOf('junit.xml', '<testsuite tests="2"/>')).not.toBe(
      textOf('junit.xml', '<testsuite tests="3"/>'),
    );
  });

  it('keeps a duration in a program: there, it is no measurement', () => {
    expect(textOf('main.js', 'const duration = 300;')).not.toBe(textOf('main.js', 'const duration = 200;'));
  });

  it('is null for what is no text', () => {
    expect(textOf('a.bin', Buffer.from([1, 0, 2]))).toBeNull();
    expect(comparableText('absent', { workspace, folders: {} })).toBeNull();
  });
});
