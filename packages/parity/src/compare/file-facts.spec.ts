import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileFacts } from './file-facts';

describe('fileFacts', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'facts-'));
    mkdirSync(join(root, 'dist', 'empty'), { recursive: true });
    writeFileSync(join(root, 'dist', 'a b.txt'), 'text');
    chmodSync(join(root, 'dist', 'a b.txt'), 0o750);
    chmodSync(join(root, 'dist', 'empty'), 0o700);
    chmodSync(join(root, 'dist'), 0o755);
    symlinkSync('a b.txt', join(root, 'dist', 'link'));
    symlinkSync('nowhere', join(root, 'dist', 'broken'));
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('has kind, permissions and content of files, empty folders, and links as they are', () => {
    expect(fileFacts(root, ['dist'])).toEqual({
      dist: 'folder 755',
      'dist/a b.txt': 'file 750 4 bytes 982d9e3eb996f559',
      'dist/broken': 'link to nowhere',
      'dist/empty': 'folder 700',
      'dist/link': 'link to a b.txt',
    });
  });

  it('accepts a single file, and skips what does not exist', () => {
    expect(Object.keys(fileFacts(root, ['./dist/a b.txt', 'absent']))).toEqual(['dist/a b.txt']);
  });
});
