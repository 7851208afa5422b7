import { NX_ARCHIVE } from './archive-format';

/** Size of a block of the tar format. */
const BLOCK = 512;
/** Longer names, and targets of links, have an entry of their own before that of the file. */
const NAME_BYTES = 100;
/** The largest size that eleven octal digits can say. */
export const MAX_BYTES = 8 ** 11 - 1;
/** Text that is encoded at a time. A buffer. */
const CHUNK_UNITS = 64 * 1024;

type Type = '0' | '2' | '5' | 'K' | 'L';

interface Header {
  readonly name: Buffer;
  readonly type: Type;
  readonly size: number;
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
  readonly target: Buffer;
}

export const NOTHING = Buffer.alloc(0);

/** The terminal output and the exit code, which are the last entries of an archive, and its end. */
export function* ending(terminalOutput: string, code: number): Generator<Buffer> {
  const own = { type: '0', mode: 0, mtime: 0, target: NOTHING } as const;
  const size = Buffer.byteLength(terminalOutput);
  yield* headers({ ...own, name: Buffer.from(NX_ARCHIVE.terminalOutputEntry), size });
  for (let from = 0; from < terminalOutput.length;) {
    let to = Math.min(from + CHUNK_UNITS, terminalOutput.length);
    if (to < terminalOutput.length && isHighSurrogate(terminalOutput.charCodeAt(to - 1))) to--;
    yield Buffer.from(terminalOutput.slice(from, to));
    from = to;
  }
  yield padding(size);
  const said = Buffer.alloc(NX_ARCHIVE.codeBytes);
  said.writeInt32BE(code);
  yield* headers({ ...own, name: Buffer.from(NX_ARCHIVE.codeEntry), size: said.length });
  yield said;
  yield padding(said.length);
  yield Buffer.alloc(2 * BLOCK);
}

/** A character is never split. */
const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;

/** What fills the last block of a content of this size. */
export const padding = (size: number): Buffer => Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);

/** The header of an entry, after those that have its name and target if they are long. */
export function* headers(header: Header): Generator<Buffer> {
  if (header.target.length > NAME_BYTES) yield* long('K', header.target);
  if (header.name.length > NAME_BYTES) yield* long('L', header.name);
  yield block(header);
}

function* long(type: 'K' | 'L', text: Buffer): Generator<Buffer> {
  const size = text.length + 1;
  yield block({ name: Buffer.from('././@LongLink'), type, size, mode: 0o644, mtime: 0, target: NOTHING });
  yield Buffer.concat([text, Buffer.alloc(1), padding(size)]);
}

/** Offsets and widths of the fields of a header. */
const FIELDS = {
  mode: [100, 8],
  owner: [108, 8],
  group: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  target: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
} as const;
/** Of GNU tar, the two spaces and the zero included. */
const MAGIC = 'ustar  \0';

function block({ name, type, size, mode, mtime, target }: Header): Buffer {
  const header = Buffer.alloc(BLOCK);
  const number = ([offset, width]: readonly [number, number], value: number): void => {
    header.write(value.toString(8).padStart(width - 1, '0'), offset, 'latin1');
  };
  name.copy(header, 0, 0, NAME_BYTES);
  target.copy(header, FIELDS.target[0], 0, NAME_BYTES);
  number(FIELDS.mode, mode);
  number(FIELDS.owner, 0);
  number(FIELDS.group, 0);
  number(FIELDS.size, size);
  number(FIELDS.mtime, mtime);
  header.write(type, FIELDS.type[0], 'latin1');
  header.write(MAGIC, FIELDS.magic[0], 'latin1');
  number(FIELDS.major, 0);
  number(FIELDS.minor, 0);
  // The sum of all bytes, with spaces in the place of the sum.
  const [at, width] = FIELDS.checksum;
  header.fill(' ', at, at + width);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(width - 2, '0')}\0 `, at, 'latin1');
  return header;
}
