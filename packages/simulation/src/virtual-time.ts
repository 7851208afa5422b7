import { withGlobal } from '@sinonjs/fake-timers';
import zlib from 'node:zlib';

/** A day in the past: nothing depends on which. */
export const START_MS = Date.UTC(2024, 0, 1);

const FAKED = [
  'Date',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
] as const;

/** Taken before anything is replaced. */
const realSetImmediate = setImmediate;

/**
 * Runs `action` with a simulated clock and simulated timers, in this process: timers come due immediately and always in the
 * same order. Only one call at a time.
 */
export async function inVirtualTime<T>(action: (time: VirtualTime) => Promise<T>): Promise<T> {
  const clock = withGlobal(globalThis).install({ now: START_MS, toFake: [...FAKED] });
  const restoreZlib = compressAtOnce();
  try {
    return await action(new VirtualTime(clock));
  } finally {
    restoreZlib();
    clock.uninstall();
  }
}

type FakeClock = ReturnType<ReturnType<typeof withGlobal>['install']>;

export class VirtualTime {
  constructor(private readonly clock: FakeClock) {}

  /** Runs the next timer and everything that follows from it immediately. False if there is no timer left. */
  async step(): Promise<boolean> {
    // Work that began outside of a timer may be about to set one.
    if (this.clock.countTimers() === 0) await this.settle();
    if (this.clock.countTimers() === 0) return false;
    this.clock.next();
    await this.settle();
    return true;
  }

  /** Promises and `process.nextTick` are real: they run before the next turn of the event loop. */
  settle(): Promise<void> {
    return new Promise((resolve) => realSetImmediate(resolve));
  }
}

type Callback = (error: Error | null, result?: Buffer) => void;

/** The threads of zlib would need real time. */
function compressAtOnce(): () => void {
  const { gzip, gunzip, brotliCompress, brotliDecompress } = zlib;
  const atOnce =
    <O>(work: (raw: Buffer, options: O) => Buffer) =>
    (raw: Buffer, options: O, callback: Callback): void => {
      process.nextTick(callback, null, work(raw, options));
    };
  Object.assign(zlib, {
    gzip: atOnce(zlib.gzipSync),
    gunzip: atOnce(zlib.gunzipSync),
    brotliCompress: atOnce(zlib.brotliCompressSync),
    brotliDecompress: atOnce(zlib.brotliDecompressSync),
  });
  return () => Object.assign(zlib, { gzip, gunzip, brotliCompress, brotliDecompress });
}
