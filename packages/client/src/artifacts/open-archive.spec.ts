import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { LIMITS } from '@org/dte-protocol';
import * as tar from 'tar-stream';
import { openArchive } from './open-archive';

const MiB = 1024 * 1024;

/** What stands in front of the entries or behind them, and the names of the entries that are read. */
async function namesIn({ before = [], behind = [], content = 'x' }: Parts): Promise<string[]> {
  const pack = tar.pack();
  for (const name of ['a', 'b']) pack.entry({ name }, content);
  pack.finalize();
  const bytes = Buffer.concat([...before, await buffer(pack), ...behind]);
  const archive = openArchive(Readable.from([gzipSync(bytes, { level: 1 })]));
  const names: string[] = [];
  try {
    for await (const entry of archive.entries) {
      names.push(entry.header.name);
      entry.resume();
    }
  } finally {
    archive.close();
  }
  return names;
}
interface Parts {
  readonly before?: readonly Buffer[];
  readonly behind?: readonly Buffer[];
  readonly content?: string;
}

/** A pax header that says nothing. tar-stream writes none of its own accord: that of a file is made into one. */
async function emptyHeader(bytes: number): Promise<Buffer> {
  const pack = tar.pack();
  pack.entry({ name: 'pax' }, Buffer.alloc(bytes));
  pack.finalize();
  const whole = await buffer(pack);
  const header = whole.subarray(0, whole.length - 1024);
  const [type, sum] = [156, 148];
  const more = 'x'.charCodeAt(0) - header.readUInt8(type);
  header.write('x', type);
  const value = parseInt(header.toString('latin1', sum, sum + 6), 8) + more;
  header.write(value.toString(8).padStart(6, '0'), sum);
  return header;
}

describe('an archive', () => {
  it('may have content of any size, and the padding that other programs write behind it', async () => {
    expect(await namesIn({ content: 'x'.repeat(3 * MiB), behind: [Buffer.alloc(64 * 1024)] })).toEqual([
      'a',
      'b',
    ]);
  });

  it('is rejected when it goes on behind its last entry', async () => {
    await expect(
      namesIn({ behind: [Buffer.alloc(LIMITS.archiveOverheadBytes.value + MiB)] }),
    ).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_UNSAFE',
    });
  });

  it('is rejected when it has headers and headers, and no entry', async () => {
    const header = await emptyHeader(300 * 1024);
    const before = Array.from({ length: 8 }, () => header);
    await expect(namesIn({ before })).rejects.toMatchObject({ code: 'DTE_ARTIFACT_UNSAFE' });
  });
});
