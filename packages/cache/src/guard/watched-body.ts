import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { type Clock, within } from './clock';

export interface WatchOptions {
  readonly clock: Clock;
  /** How long the store may send nothing while its reader waits. */
  readonly stallMs: number;
  /** The store broke off, or stalled. Not called when the reader has gone. */
  readonly onFault: (thrown: unknown) => void;
}

/** The bytes of a store that may break off or stall; the reader sees an error then, and never a short body. */
export function watchedBody(body: Readable, expectedBytes: number, options: WatchOptions): Readable {
  return Readable.from(pieces(body, expectedBytes, options), { objectMode: false });
}

async function* pieces(
  body: Readable,
  expectedBytes: number,
  { clock, stallMs, onFault }: WatchOptions,
): AsyncGenerator<Buffer> {
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let bytes = 0;
  try {
    for (;;) {
      const piece = await nextOf(source, { clock, stallMs, onFault });
      if (piece === null) break;
      bytes += piece.length;
      if (bytes > expectedBytes) break;
      yield piece;
    }
    if (bytes !== expectedBytes) {
      const had = bytes > expectedBytes ? 'more' : 'less';
      throw new DteError('DTE_ARTIFACT_DAMAGED', `The store had ${had} than ${expectedBytes} bytes.`);
    }
  } finally {
    body.destroy();
  }
}

async function nextOf(
  source: AsyncIterator<Buffer>,
  { clock, stallMs, onFault }: WatchOptions,
): Promise<Buffer | null> {
  try {
    const late = `nothing came for ${stallMs} ms`;
    const next = await within(() => source.next(), { clock, ms: stallMs, late });
    return next.done === true ? null : next.value;
  } catch (thrown) {
    onFault(thrown);
    throw thrown;
  }
}

/** The digest of what a stream holds, in hex. */
export async function sha256Of(body: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of body) hash.update(piece as Buffer);
  return hash.digest('hex');
}
