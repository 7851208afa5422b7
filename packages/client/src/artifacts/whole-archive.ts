import { gunzipSync } from 'node:zlib';
import { LIMITS } from '@org/dte-protocol';
import { type ArchiveEntry, type EntryHeader } from './open-archive';

/** Archives up to this size, packed, are read at once: most of them. Not configurable: it only decides what reads them. */
export const WHOLE_BYTES = 1024 ** 2;
/** The same, unpacked. */
const UNPACKED_BYTES = 4 * 1024 ** 2;
/** Size of a block of the tar format. */
const BLOCK = 512;

/** Offsets and widths of the fields of a header. */
const NAME = [0, 100] as const;
const MODE = [100, 8] as const;
const SIZE = [124, 12] as const;
const CHECKSUM = [148, 8] as const;
/** A letter or digit, of the tar format like the others. */
const TYPE_AT = 156;
const TARGET = [157, 100] as const;
const MAGIC = [257, 8] as const;
/** What POSIX puts before the name. */
const PREFIX_AT = 345;

const POSIX = 'ustar\0';
const GNU = 'ustar  \0';

/** What the checksum counts in its own place, by the tar format. */
const SPACE = 0x20;

class Unusual extends Error {}

/**
 * The entries of a small gzipped tar. A stream costs some twenty turns of the event loop for a file of a kilobyte, which is most of what
 * restoring the outputs of a small task costs.
 * @param allowUnknownFormat as of `openArchive`
 * @returns null for everything unusual: damaged, large, or of kinds that neither Nx nor dte writes. `openArchive` reads that, or says why
 *   it cannot be read
 */
export function wholeArchive(packed: Buffer, allowUnknownFormat: boolean): ArchiveEntry[] | null {
  try {
    return [...entriesOf(gunzipSync(packed, { maxOutputLength: UNPACKED_BYTES }), allowUnknownFormat)];
  } catch {
    return null;
  }
}

function* entriesOf(archive: Buffer, allowUnknownFormat: boolean): Generator<ArchiveEntry> {
  let longName: string | null = null;
  let longTarget: string | null = null;
  let allowed = LIMITS.archiveOverheadBytes.value;
  for (let at = 0; at < archive.length;) {
    if (archive.length - at < BLOCK) throw new Unusual();
    const block = archive.subarray(at, (at += BLOCK));
    if (block.every((byte) => byte === 0)) continue;
    checkFormat(block, allowUnknownFormat);
    const size = numberIn(block, SIZE);
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    if (padded > archive.length - at) throw new Unusual();
    const content = archive.subarray(at, at + size);
    at += padded;
    const letter = String.fromCharCode(block[TYPE_AT] ?? 0);
    if (letter === 'L') longName = textOf(content);
    else if (letter === 'K') longTarget = textOf(content);
    else {
      const name = longName ?? textIn(block, NAME);
      const linkname = longTarget ?? textIn(block, TARGET);
      longName = longTarget = null;
      allowed += padded + BLOCK;
      const type = kindOf(letter, { name, size, linkname });
      yield new WholeEntry({ type, name, size, linkname, mode: numberIn(block, MODE) }, content);
    }
  }
  if (longName !== null || longTarget !== null || archive.length > allowed) throw new Unusual();
}

function kindOf(
  letter: string,
  { name, size, linkname }: Pick<EntryHeader, 'name' | 'size' | 'linkname'>,
): 'file' | 'directory' | 'symlink' {
  if (letter === '0' && name !== '' && !name.endsWith('/')) return 'file';
  if (letter === '5' && size === 0) return 'directory';
  if (letter === '2' && size === 0 && linkname !== '') return 'symlink';
  throw new Unusual();
}

function checkFormat(block: Buffer, allowUnknownFormat: boolean): void {
  const magic = block.toString('latin1', MAGIC[0], MAGIC[0] + MAGIC[1]);
  const isKnown = magic === GNU || (magic.startsWith(POSIX) && block[PREFIX_AT] === 0);
  if (!isKnown && (!allowUnknownFormat || magic.startsWith('ustar'))) throw new Unusual();
  const [at, width] = CHECKSUM;
  let sum = 0;
  for (let index = 0; index < BLOCK; index++)
    sum += index >= at && index < at + width ? SPACE : (block[index] ?? 0);
  if (sum !== numberIn(block, CHECKSUM)) throw new Unusual();
}

/** Octal digits, with spaces or zeros around them. */
function numberIn(block: Buffer, [at, width]: readonly [number, number]): number {
  const digits = /^ *([0-7]+)[ \0]*$/.exec(block.toString('latin1', at, at + width))?.[1];
  if (digits === undefined) throw new Unusual();
  return Number.parseInt(digits, 8);
}

const textIn = (block: Buffer, [at, width]: readonly [number, number]): string =>
  textOf(block.subarray(at, at + width));

/** Up to the first zero. */
function textOf(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

class WholeEntry implements ArchiveEntry {
  constructor(
    readonly header: EntryHeader,
    readonly content: Buffer,
  ) {}

  resume(): void {
    // Nothing waits for it.
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    await Promise.resolve();
    if (this.content.length > 0) yield this.content;
  }
}
