/**
 * The part of DER (X.690) that one certificate needs. A library for certificates adds twenty packages and a global
 * polyfill for a fixed structure of 250 bytes. The specs let Node parse the result.
 */
const TAG = { integer: 0x02, bitString: 0x03, oid: 0x06, utf8: 0x0c, utcTime: 0x17 } as const;
/** Tag of X.690, 8.9. */
const SEQUENCE = 0x30;
/** Tag of X.690, 8.11. */
const SET = 0x31;

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const size = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | size.length]), size, content]);
}

export const sequence = (...parts: readonly Buffer[]): Buffer => element(SEQUENCE, Buffer.concat(parts));
export const set = (...parts: readonly Buffer[]): Buffer => element(SET, Buffer.concat(parts));
/** `[number]`, explicitly tagged. */
export const explicit = (number: number, part: Buffer): Buffer => element(0xa0 | number, part);
/** A positive number, most significant byte first. */
export const integer = (bytes: Buffer): Buffer =>
  element(TAG.integer, (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
export const bitString = (bytes: Buffer): Buffer =>
  element(TAG.bitString, Buffer.concat([Buffer.from([0]), bytes]));
export const utf8 = (text: string): Buffer => element(TAG.utf8, Buffer.from(text, 'utf8'));

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      digits.unshift(0x80 | (left & 0x7f));
    }
    bytes.push(...digits);
  }
  return element(TAG.oid, Buffer.from(bytes));
}

/** To the second; years before 2050 are written with two digits (RFC 5280). */
export const time = (ms: number): Buffer =>
  element(TAG.utcTime, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
