import { gzipSync } from 'node:zlib';
import { brokenBytes, randomBytes } from './hostile';
import type { Random } from './target';

const BLOCK = 512;

/** One entry of a tar as its bytes, with nothing of it checked. */
export interface RawEntry {
  readonly name: string;
  readonly content?: Buffer;
  /** `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` folder, `6` pipe, `x` and `g` pax, `L` and `K` GNU. */
  readonly type?: string;
  readonly linkname?: string;
  readonly mode?: string;
  /** What the header says, whatever comes. */
  readonly size?: Buffer | string;
  readonly magic?: string;
  readonly prefix?: string;
  readonly wrongSum?: boolean;
}

const octal = (value: number): string => `${value.toString(8).padStart(11, '0')} `;

/** A header of 512 bytes and the content, padded. */
export function entryBytes(entry: RawEntry): Buffer {
  const {
    name,
    content = Buffer.alloc(0),
    type = '0',
    linkname = '',
    mode = '0000644 ',
    magic = 'ustar\u000000',
  } = entry;
  const header = Buffer.alloc(BLOCK);
  const put = (text: string | Buffer, at: number, length: number): void => {
    Buffer.from(text as string).copy(header, at, 0, length);
  };
  put(name, 0, 100);
  put(mode, 100, 8);
  put('0000000 ', 108, 8);
  put('0000000 ', 116, 8);
  put(entry.size ?? octal(content.length), 124, 12);
  put('00000000000 ', 136, 12);
  put(' '.repeat(8), 148, 8);
  put(type, 156, 1);
  put(linkname, 157, 100);
  put(magic, 257, 8);
  put(entry.prefix ?? '', 345, 155);
  const sum = header.reduce((total, byte) => total + byte, 0) + (entry.wrongSum === true ? 1 : 0);
  put(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header, content, padding]);
}

/** A record of a pax header; `length` makes it lie. */
export function paxRecord(key: string, value: string, length?: string): string {
  const text = ` ${key}=${value}\n`;
  let size = Buffer.byteLength(text);
  size += String(size + String(size).length).length;
  return `${length ?? String(size)}${text}`;
}

/** A number as GNU writes large ones; `first` 0xff makes it negative. */
export function base256(value: number, first = 0x80): Buffer {
  const bytes = Buffer.alloc(12, first === 0xff ? 0xff : 0);
  bytes[0] = first;
  for (let at = 11, rest = value; at > 3 && rest > 0; at--, rest = Math.floor(rest / 256))
    bytes[at] = rest % 256;
  return bytes;
}

const END = Buffer.alloc(2 * BLOCK);
/** Zeros that gzip makes a thousand times smaller. */
const BOMB_BYTES = 48 * 1024 * 1024;
let bomb: Buffer | undefined;

/** The whole archive, gzipped, and now and then broken afterwards. */
export function packed(random: Random, entries: readonly Buffer[]): Buffer {
  const kind = random.next();
  const tar = Buffer.concat([...entries, ...(random.chance(0.95) ? [END] : [])]);
  if (kind < 0.1) return gzipSync(brokenBytes(random, tar), { level: 1 });
  const gz = gzipSync(tar, { level: 1 });
  if (kind < 0.2) return brokenBytes(random, gz);
  if (kind < 0.23) return Buffer.concat([gz, randomBytes(random, 100)]);
  if (kind < 0.25) return Buffer.concat([gz, gz]);
  if (kind < 0.26) return tar;
  if (kind < 0.265) {
    bomb ??= gzipSync(Buffer.alloc(BOMB_BYTES), { level: 9 });
    return Buffer.concat([gzipSync(Buffer.concat(entries), { level: 1 }), bomb]);
  }
  return gz;
}
