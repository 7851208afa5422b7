import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { boundedFile } from './bounded-file';

describe('boundedFile', () => {
  let folder: string;
  let path: string;
  let fd: number;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-log-'));
    path = join(folder, 'log');
    fd = openSync(path, 'a+');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('keeps the newest lines, complete and in order, including those of other writers', () => {
    const write = boundedFile(fd, 1_000);
    const other = openSync(path, 'a');
    for (let line = 1; line <= 500; line++) {
      if (line % 10 === 0) writeSync(other, `${line}\n`);
      else write(`${line}\n`);
    }
    closeSync(other);
    closeSync(fd);
    const text = readFileSync(path, 'utf8');
    const lines = text.trimEnd().split('\n').map(Number);
    expect(text.length).toBeLessThan(1_600);
    expect(lines.length).toBeGreaterThan(100);
    expect(lines).toEqual(lines.map((_, index) => 500 - lines.length + 1 + index));
  });

  it('does not throw if it cannot write', () => {
    closeSync(fd);
    expect(() => boundedFile(fd, 1_000)('line\n')).not.toThrow();
  });
});
