import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDataFolder } from './data-folder';

describe('makeDataFolder', () => {
  let root: string;

  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'dte-data-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  it('creates a folder whose content git ignores', () => {
    execFileSync('git', ['init', '-q'], { cwd: root });
    writeFileSync(join(makeDataFolder(join(root, '.nx', 'dte')), 'journal'), 'x');
    const status = execFileSync('git', ['status', '--porcelain', '-uall'], { cwd: root, encoding: 'utf8' });
    expect(status).toBe('');
  });

  it('does not change existing files', () => {
    writeFileSync(join(root, '.gitignore'), '!kept\n');
    expect(makeDataFolder(root)).toBe(root);
    expect(readFileSync(join(root, '.gitignore'), 'utf8')).toBe('!kept\n');
  });
});
