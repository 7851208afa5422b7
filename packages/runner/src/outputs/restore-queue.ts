/**
 * Runs restores with bounded concurrency, each after its dependencies: the outputs of a task may be inside those of a
 * dependency (dist/lib and dist/lib/assets), and restoring first deletes what is there.
 */
export class RestoreQueue {
  private readonly known = new Map<string, Promise<void>>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private unfinished = 0;

  constructor(private readonly concurrency: number) {}

  /** Pending restores. */
  get pending(): number {
    return this.unfinished;
  }

  /**
   * @param dependencyIds what must be settled first; unknown ids count as settled
   * @returns the result of `restore`, or its rejection
   */
  add<T>(id: string, dependencyIds: readonly string[], restore: () => Promise<T>): Promise<T> {
    this.unfinished += 1;
    const before = dependencyIds.flatMap((dependency) => this.known.get(dependency) ?? []);
    const run = async (): Promise<T> => {
      await Promise.all(before);
      await this.enter();
      try {
        return await restore();
      } finally {
        this.leave();
        this.unfinished -= 1;
      }
    };
    const settled = run();
    // Not the result itself, which is a task's whole output: the queue exists while the command runs.
    const over = settled.then(
      () => undefined,
      () => undefined,
    );
    this.known.set(id, over);
    return settled;
  }

  /** Resolves when everything added so far is settled, with any result. */
  async idle(): Promise<void> {
    await Promise.all(this.known.values());
  }

  private enter(): Promise<void> {
    if (this.running < this.concurrency) {
      this.running += 1;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Passes the place to the next one. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running -= 1;
    else next();
  }
}
