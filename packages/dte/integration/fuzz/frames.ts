import { randomBytes } from './hostile';
import type { Random } from './target';

/** What begins a WebSocket. */
export const UPGRADE = [
  'GET /v1/connect HTTP/1.1',
  'host: x',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

export interface FrameShape {
  readonly payload: Buffer;
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The three reserved bits; the first would be compression. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** What the header says, whatever comes. */
  readonly announced?: bigint;
}

function lengthOf(length: bigint, maskBit: number): Buffer {
  if (length < 126n) return Buffer.from([maskBit | Number(length)]);
  const bytes = Buffer.alloc(length < 65_536n ? 3 : 9);
  bytes[0] = maskBit | (length < 65_536n ? 126 : 127);
  if (length < 65_536n) bytes.writeUInt16BE(Number(length), 1);
  else bytes.writeBigUInt64BE(length, 1);
  return bytes;
}

/** One frame of a WebSocket, right or wrong (RFC 6455, 5.2). */
export function frame({
  payload,
  opcode = 1,
  fin = true,
  reserved = 0,
  masked = true,
  announced,
}: FrameShape): Buffer {
  const head = Buffer.from([(fin ? 0x80 : 0) | ((reserved & 7) << 4) | (opcode & 15)]);
  const length = lengthOf(announced ?? BigInt(payload.length), masked ? 0x80 : 0);
  if (!masked) return Buffer.concat([head, length, payload]);
  const mask = Buffer.from([1, 2, 3, 4]);
  const hidden = Buffer.from(payload.map((byte, index) => byte ^ (mask[index % 4] ?? 0)));
  return Buffer.concat([head, length, mask, hidden]);
}

const OPCODES = [0, 1, 2, 3, 7, 8, 9, 10, 11, 15];
const ANNOUNCED = [
  0n,
  125n,
  126n,
  65_535n,
  65_536n,
  2n ** 24n,
  2n ** 31n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** A frame with this text whose header is wrong in some way, or right. */
export function oddFrame(random: Random, text: string): Buffer {
  const payload = random.chance(0.2) ? randomBytes(random, 300) : Buffer.from(text);
  return frame({
    payload,
    opcode: random.chance(0.5) ? 1 : random.pick(OPCODES),
    fin: random.chance(0.8),
    reserved: random.chance(0.8) ? 0 : random.int(1, 7),
    masked: random.chance(0.85),
    ...(random.chance(0.8) ? {} : { announced: random.pick(ANNOUNCED) }),
  });
}
