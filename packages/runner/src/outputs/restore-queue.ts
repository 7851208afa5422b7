/**
 * Runs restores with bounded concurrency, each after those it depends on: the outputs of a task may lie inside those of
 * a dependency (dist/lib and dist/lib/assets), and restoring begins with deleting what is there.
 */
export class RestoreQueue {
  private readonly known = new Map<string, Promise<void>>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private unfinished = 0;

  constructor(private readonly concurrency: number) {}

  /** Restores asked for and not settled. */
  get pending(): number {
    return this.unfinished;
  }

  /**
   * @param dependencyIds what must be settled first; ids not added before count as settled
   * @returns what `restore` gives, or its rejection
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
    // Not the result itself: that is a task's whole output, and the queue lives as long as the command.
    const over = settled.then(
      () => undefined,
      () => undefined,
    );
    this.known.set(id, over);
    return settled;
  }

  /** Resolves when everything added so far is settled, whatever came of it. */
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

  /** Hands the place over to the next in line. */
  private leave(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running -= 1;
    else next();
  }
}
