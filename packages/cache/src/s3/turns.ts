/** Runs tasks a few at a time. The first error is thrown when none of them runs any more; no other is started after it. */
export async function inParallel<T>(
  items: readonly T[],
  parallel: number,
  run: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const failures: unknown[] = [];
  const worker = async (): Promise<void> => {
    for (const item of left) {
      if (failures.length > 0) return;
      try {
        await run(item);
      } catch (thrown) {
        failures.push(thrown);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, items.length) }, worker));
  if (failures.length > 0) throw failures[0];
}

/** A queue in which a few are served at a time. */
export class Turns {
  private served = 0;
  private readonly waiting = new Set<() => void>();

  constructor(
    private readonly parallel: number,
    private readonly maxWaiting: number,
  ) {}

  /** Waits for a turn. @throws Error if too many wait, or if the signal is aborted first */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.served < this.parallel) {
      this.served += 1;
      return;
    }
    if (this.waiting.size >= this.maxWaiting)
      throw new Error(`${this.maxWaiting} uploads are waiting already`);
    await new Promise<void>((resolve, reject) => {
      const onAbort = (): void => {
        this.waiting.delete(onTurn);
        reject(signal.reason as Error);
      };
      const onTurn = (): void => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      this.waiting.add(onTurn);
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** Ends a turn; the longest waiting is next. */
  leave(): void {
    const [next] = this.waiting;
    if (next === undefined) this.served -= 1;
    else {
      this.waiting.delete(next);
      next();
    }
  }
}

/** What comes of work, unless the caller stops waiting first: the work itself goes on. */
export function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
