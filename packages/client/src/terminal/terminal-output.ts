/** Text that is encoded at a time, without a second copy of all of it. A buffer: not configurable. */
const CHUNK_UNITS = 64 * 1024;

/** A text as UTF-8 in pieces, so that 256 MiB are never encoded at once; a character is never split. */
export function* utf8Chunks(text: string): Generator<Buffer> {
  for (let from = 0; from < text.length;) {
    let to = Math.min(from + CHUNK_UNITS, text.length);
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to--;
    yield Buffer.from(text.slice(from, to));
    from = to;
  }
}

export const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;

/**
 * A text of at most `maxBytes` of UTF-8. If it is longer, its end (where failures are usually explained), after a line
 * that reports that the beginning is missing.
 */
export function withinLimit(text: string, maxBytes: number): string {
  // A code unit is at most three bytes of UTF-8, so short texts need no counting.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
  const note = `dte: the beginning of this output is omitted, because it is longer than ${maxBytes} bytes\n`;
  const budget = Math.max(0, maxBytes - note.length);
  let from = Math.max(0, text.length - budget);
  while (Buffer.byteLength(text.slice(from)) > budget) from += Math.max(1, (text.length - from) >> 4);
  if (isLowSurrogate(text.charCodeAt(from))) from++;
  return note + text.slice(from);
}
