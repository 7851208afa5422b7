import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import * as tar from 'tar-stream';
import { type EntryHeader, openArchive } from './open-archive';
import { wholeArchive } from './whole-archive';

interface Told {
  readonly header: EntryHeader;
  readonly content: string;
}

const LONG = `dist/${'länge/'.repeat(20)}file`;

type Entry = [header: Parameters<tar.Pack['entry']>[0], content?: string];
const ENTRIES: Entry[] = [
  [{ name: 'dist', type: 'directory', mode: 0o755 }],
  [{ name: 'dist/a.js', mode: 0o644 }, 'a'.repeat(700)],
  [{ name: 'dist/empty' }, ''],
  [{ name: 'dist/run', mode: 0o755 }, '#!'],
  [{ name: 'dist/link', type: 'symlink', linkname: 'run' }],
];

async function tarOf(entries: readonly Entry[]): Promise<Buffer> {
  const archive = tar.pack();
  for (const [header, content = ''] of entries) archive.entry(header, content);
  archive.finalize();
  return buffer(archive);
}

/** As GNU tar and Nx write them; tar-stream writes those of POSIX. */
function asGnu(archive: Buffer): Buffer {
  const copy = Buffer.from(archive);
  for (let at = copy.indexOf('ustar\0'); at !== -1; at = copy.indexOf('ustar\0', at + 1)) {
    copy.write('ustar  \0', at, 'latin1');
    seal(copy.subarray(at - 257, at - 257 + 512));
  }
  return copy;
}

function seal(header: Buffer): void {
  header.write('        ', 148, 'latin1');
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

async function streamed(packed: Buffer, anyFormat: boolean): Promise<Told[] | null> {
  const { entries, close } = openArchive(Readable.from([packed], { objectMode: false }), anyFormat);
  const told: Told[] = [];
  try {
    for await (const entry of entries) {
      const chunks: Buffer[] = [];
      for await (const chunk of entry) chunks.push(chunk);
      told.push(tell(entry.header, Buffer.concat(chunks)));
    }
    return told;
  } catch {
    return null;
  } finally {
    close();
  }
}

/** Only a link has a target, whatever is in its place in other headers. */
const tell = ({ name, size, mode, type, linkname }: EntryHeader, content: Buffer): Told => ({
  header: { name, size, mode, type, linkname: type === 'symlink' ? linkname : '' },
  content: content.toString('latin1'),
});

const atOnce = (packed: Buffer, anyFormat: boolean): Told[] | null =>
  wholeArchive(packed, anyFormat)?.map(({ header, content = Buffer.alloc(0) }) => tell(header, content)) ??
  null;

describe.each(['POSIX', 'GNU'])('a small archive in the format of %s', (format) => {
  const inFormat = (archive: Buffer): Buffer => (format === 'GNU' ? asGnu(archive) : archive);

  it('has the same entries as if it is streamed', async () => {
    const packed = gzipSync(inFormat(await tarOf(ENTRIES)));
    const told = atOnce(packed, false);
    expect(told?.map(({ header }) => header.name)).toEqual(ENTRIES.map(([{ name }]) => name));
    expect(told).toEqual(await streamed(packed, false));
  });

  it('is left to the stream, or has the same entries, whatever was changed in it', async () => {
    const archive = inFormat(await tarOf(ENTRIES));
    const headers = [0, 512, 2048, 2560, 3584];
    let read = 0;
    const change = fc.record({
      at: fc.integer({ min: 0, max: archive.length - 1 }),
      field: fc.constantFrom(0, 99, 100, 107, 124, 135, 156, 157, 256, 257, 262, 263, 345),
      header: fc.constantFrom(...headers),
      isField: fc.boolean(),
      byte: fc.constantFrom(0, 0x20, 0x2f, 0x30, 0x31, 0x32, 0x35, 0x37, 0x38, 0x4c, 0x67, 0x78, 0x80, 0xff),
      sealed: fc.boolean(),
      cut: fc.oneof(
        { weight: 9, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: archive.length }) },
      ),
      anyFormat: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ at, field, header, isField, byte, sealed, cut, anyFormat }) => {
        const changed = Buffer.from(archive);
        const where = isField ? header + field : at;
        changed[where] = byte;
        const block = Math.floor(where / 512) * 512;
        if (sealed) seal(changed.subarray(block, block + 512));
        const packed = gzipSync(cut === null ? changed : changed.subarray(0, cut));
        const told = atOnce(packed, anyFormat);
        if (told === null) return;
        read += 1;
        expect(told).toEqual(await streamed(packed, anyFormat));
      }),
      { numRuns: 1_000 },
    );
    expect(read).toBeGreaterThan(50);
  });
});

it('may have long names and targets as GNU tar writes them', async () => {
  const text = (type: 'L' | 'K', value: string): Buffer => {
    const header = Buffer.alloc(512);
    header.write('././@LongLink', 0);
    header.write('0000644\0', 100);
    header.write(`${(Buffer.byteLength(value) + 1).toString(8).padStart(11, '0')}\0`, 124);
    header.write(type, 156);
    header.write('ustar  \0', 257, 'latin1');
    seal(header);
    const content = Buffer.alloc(Math.ceil((Buffer.byteLength(value) + 1) / 512) * 512);
    content.write(value);
    return Buffer.concat([header, content]);
  };
  const [file, link] = [
    asGnu(await tarOf([[{ name: 'short' }, 'content']])).subarray(0, 1024),
    asGnu(await tarOf([[{ name: 'link', type: 'symlink', linkname: 'x' }]])),
  ];
  const packed = gzipSync(Buffer.concat([text('L', LONG), file, text('K', LONG), link]));
  const told = atOnce(packed, false);
  expect(told?.map(({ header }) => [header.name, header.linkname])).toEqual([
    [LONG, ''],
    ['link', LONG],
  ]);
  expect(told).toEqual(await streamed(packed, false));
  // A name for nothing.
  expect(atOnce(gzipSync(text('L', LONG)), false)).toBeNull();
});

it.each<[string, () => Promise<Buffer>]>([
  ['with attributes of POSIX', async () => gzipSync(await tarOf([[{ name: LONG }, 'x']]))],
  ['with a hard link', async () => gzipSync(await tarOf([[{ name: 'a', type: 'link', linkname: 'b' }]]))],
  ['that is cut off', async () => gzipSync(await tarOf(ENTRIES)).subarray(0, 100)],
  ['that is no archive', () => Promise.resolve(Buffer.from('no archive'))],
  ['of much more than it seems', () => Promise.resolve(gzipSync(Buffer.alloc(8 * 1024 ** 2)))],
  [
    'of zeros behind its last entry',
    async () => gzipSync(Buffer.concat([await tarOf(ENTRIES), Buffer.alloc(2 * 1024 ** 2)])),
  ],
])('leaves one %s to the stream', async (_, packed) => {
  expect(wholeArchive(await packed(), true)).toBeNull();
});

it('does not know a format that the caller does not permit', async () => {
  const unknown = gunzipSync(gzipSync(await tarOf(ENTRIES.slice(1, 2))));
  unknown.fill(0, 257, 265);
  seal(unknown.subarray(0, 512));
  expect(wholeArchive(gzipSync(unknown), false)).toBeNull();
  expect(wholeArchive(gzipSync(unknown), true)).toHaveLength(1);
});
