import type { IncomingMessage } from 'node:http';
import { DteError, LIMITS } from '@org/dte-protocol';

/** Content-Length; null if the body is chunked. */
export function announcedBytes(request: IncomingMessage): number | null {
  const header = request.headers['content-length'];
  return header === undefined ? null : Number(header);
}

/**
 * A complete body, for JSON only.
 * @param what name of the body in messages
 * @throws DteError DTE_FRAME_TOO_LARGE, DTE_MALFORMED_MESSAGE (cut off)
 */
export async function readBody(request: IncomingMessage, maxBytes: number, what: string): Promise<Buffer> {
  const tooLarge = (): DteError =>
    new DteError('DTE_FRAME_TOO_LARGE', `${what} is larger than ${maxBytes} bytes.`);
  if ((announcedBytes(request) ?? 0) > maxBytes) throw tooLarge();
  // Of a run of 100,000 tasks it is 58 MB: once, not in pieces and together. Pages that nothing is written to take no memory.
  const whole = Buffer.allocUnsafe(announcedBytes(request) ?? 0);
  const chunks: Buffer[] = [];
  let total = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      const { length } = chunk as Buffer;
      total += length;
      if (total > maxBytes) throw tooLarge();
      if (total <= whole.length) whole.set(chunk as Buffer, total - length);
      else chunks.push(chunk as Buffer);
    }
  } catch (thrown) {
    if (thrown instanceof DteError) throw thrown;
    throw new DteError('DTE_MALFORMED_MESSAGE', `${what} was interrupted.`, { cause: thrown });
  }
  return chunks.length === 0 ? whole.subarray(0, total) : Buffer.concat(chunks);
}

/**
 * Reads and discards the rest of a body. An answer that is sent while the other side is still sending is often lost,
 * because that side sees a connection reset.
 * @returns false if the rest is too long to read; close the connection then
 */
export function drain(request: IncomingMessage): Promise<boolean> {
  if (request.readableEnded || request.destroyed || request.complete) {
    request.resume();
    return Promise.resolve(true);
  }
  return new Promise((resolve) => {
    let left = LIMITS.refusedBodyBytes.value;
    const timer = setTimeout(() => finish(false), LIMITS.refusedBodyMs.value);
    const finish = (all: boolean): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', onEnd).off('close', onEnd);
      if (!all) request.pause();
      resolve(all);
    };
    const onData = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left < 0) finish(false);
    };
    const onEnd = (): void => finish(true);
    request.on('data', onData).on('end', onEnd).on('close', onEnd);
    request.resume();
  });
}
