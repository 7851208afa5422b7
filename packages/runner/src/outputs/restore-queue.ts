/** When something is restored, and when its result is given. */
export interface RestoreOrder {
  /** Restored first, because outputs of one may be inside those of the other; unknown ids count as restored. */
  readonly after: readonly string[];
  /** The result is given after theirs: nobody is told of a task before its dependencies. Default: none. */
  readonly toldAfter?: readonly string[];
  /** Resolves when the disk is free for it; meanwhile it takes no place. */
  readonly whenFree?: () => Promise<void>;
  /** Size of the outputs; undefined: unknown. */
  readonly bytes?: number | undefined;
}

/**
 * At least this many bytes are big: they take a good part of a second on a fast network, and many seconds on a slow one. Not a
 * limit: only the order depends on it.
 */
const BIG_BYTES = 16 * 1024 ** 2;

interface Known {
  readonly restored: Promise<void>;
  readonly told: Promise<void>;
}

const settled = (promise: Promise<unknown>): Promise<void> =>
  promise.then(
    () => undefined,
    () => undefined,
  );

/**
 * Runs restores with bounded concurrency, each after those that write to the same places: the outputs of a task may be inside
 * those of another (dist/lib and dist/lib/assets), and restoring first deletes what is there.
 *
 * Big outputs have at most half of the places, so that small ones need not wait for them. One of the places is theirs if there
 * are several: they would otherwise all be left to the end of the run.
 */
export class RestoreQueue {
  private readonly known = new Map<string, Known>();
  private readonly waiting: Record<'small' | 'big', (() => void)[]> = { small: [], big: [] };
  private readonly running = { small: 0, big: 0 };
  private readonly mostBig: number;
  private unfinished = 0;

  constructor(private readonly concurrency: number) {
    this.mostBig = Math.max(1, Math.floor(concurrency / 2));
  }

  /** Pending restores. */
  get pending(): number {
    return this.unfinished;
  }

  /** @returns the result of `restore`, or its rejection */
  add<T>(id: string, order: RestoreOrder, restore: () => Promise<T>): Promise<T> {
    this.unfinished += 1;
    const before = order.after.flatMap((other) => this.known.get(other)?.restored ?? []);
    const toldBefore = (order.toldAfter ?? []).flatMap((other) => this.known.get(other)?.told ?? []);
    const restoring = this.run(order, before, restore).finally(() => (this.unfinished -= 1));
    const telling = this.tell(restoring, toldBefore);
    // Not the result itself, which is a task's whole output: the queue exists while the command runs.
    this.known.set(id, { restored: settled(restoring), told: settled(telling) });
    return telling;
  }

  /** Resolves when everything added so far is settled, with any result. */
  async idle(): Promise<void> {
    await Promise.all([...this.known.values()].map(({ told }) => told));
  }

  private async run<T>(
    order: RestoreOrder,
    before: readonly Promise<void>[],
    restore: () => Promise<T>,
  ): Promise<T> {
    await Promise.all(before);
    await order.whenFree?.();
    const lane = (order.bytes ?? 0) >= BIG_BYTES ? 'big' : 'small';
    await this.enter(lane);
    try {
      return await restore();
    } finally {
      this.running[lane] -= 1;
      this.admit();
    }
  }

  private async tell<T>(restoring: Promise<T>, before: readonly Promise<void>[]): Promise<T> {
    await settled(restoring);
    await Promise.all(before);
    return restoring;
  }

  private enter(lane: 'small' | 'big'): Promise<void> {
    return new Promise((resolve) => {
      this.waiting[lane].push(resolve);
      this.admit();
    });
  }

  /** Gives every free place to the next one. */
  private admit(): void {
    const { running, waiting } = this;
    while (running.small + running.big < this.concurrency) {
      const bigMay = waiting.big.length > 0 && running.big < this.mostBig;
      const bigFirst = bigMay && running.big === 0 && this.concurrency > 1;
      const lane = waiting.small.length > 0 && !bigFirst ? 'small' : 'big';
      if (lane === 'big' && !bigMay) return;
      running[lane] += 1;
      waiting[lane].shift()?.();
    }
  }
}
