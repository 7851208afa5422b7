import { mkdtempSync, promises, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDiskFull, nodeFileSystem } from './file-system';

describe('an append to a real file', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'dte-append-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  const into = async (path: string, parts: readonly Buffer[]): Promise<void> => {
    const handle = await promises.open(path, 'a');
    try {
      for (const part of parts) await nodeFileSystem.append?.(handle, part);
    } finally {
      await handle.close();
    }
  };

  it('puts all bytes at the end, of small and of large parts', async () => {
    const parts = ['first\n', 'x'.repeat(1_000_000), '\n', '', 'last\n'].map((text) => Buffer.from(text));
    const path = join(root, 'journal');
    await into(path, parts);
    expect(readFileSync(path).equals(Buffer.concat(parts))).toBe(true);
  });

  it.each([10, 1_000_000])('of %i bytes rejects when the disk is full, as any other write', async (bytes) => {
    const thrown: unknown = await into('/dev/full', [Buffer.alloc(bytes)]).then(
      () => null,
      (error: unknown) => error,
    );
    expect(isDiskFull(thrown)).toBe(true);
  });

  it('has written a small part when the call returns', async () => {
    const path = join(root, 'journal');
    const handle = await promises.open(path, 'a');
    const appended = nodeFileSystem.append?.(handle, Buffer.from('decided\n'));
    // Not handed to a thread that others keep busy: it is done when the call returns.
    expect(readFileSync(path, 'utf8')).toBe('decided\n');
    await appended;
    await handle.close();
  });
});
