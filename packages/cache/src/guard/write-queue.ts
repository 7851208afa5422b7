/** One thing to write. Its `run` never rejects. */
export interface Writing {
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Belongs to what is being forgotten? */
  readonly pipelineId: string;
  readonly issuer: string;
  readonly projectId: string;
}

/** Whose writes are meant. */
export type WriterOf = Pick<Writing, 'pipelineId' | 'issuer' | 'projectId'>;

interface Running {
  readonly writing: Writing;
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** Writes in the background, a few at a time, in the order in which they came. */
export class WriteQueue {
  private waiting: Writing[] = [];
  private readonly running = new Set<Running>();
  private idle: (() => void)[] = [];
  private closed = false;

  constructor(
    private readonly atOnce: number,
    private readonly maxWaiting: number,
  ) {}

  /** Writes that have not ended. */
  get size(): number {
    return this.waiting.length + this.running.size;
  }

  /** False: there are too many, or it is closed, and this one is not written. */
  add(writing: Writing): boolean {
    if (this.closed || this.waiting.length >= this.maxWaiting) return false;
    this.waiting.push(writing);
    this.next();
    return true;
  }

  /** Resolves as soon as there is nothing to write. */
  whenIdle(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  /** Drops the writes of one pipeline that wait, and ends those that run. Resolves when none runs any more. */
  async drop(writer: WriterOf): Promise<void> {
    const isMeant = ({ pipelineId, issuer, projectId }: Writing): boolean =>
      pipelineId === writer.pipelineId && issuer === writer.issuer && projectId === writer.projectId;
    this.waiting = this.waiting.filter((each) => !isMeant(each));
    const meant = [...this.running].filter(({ writing }) => isMeant(writing));
    for (const { abort } of meant) abort.abort();
    await Promise.all(meant.map(({ done }) => done));
  }

  /** Drops what waits, and ends what runs. */
  close(): void {
    this.closed = true;
    this.waiting = [];
    for (const { abort } of this.running) abort.abort();
    this.settle();
  }

  private next(): void {
    while (this.running.size < this.atOnce) {
      const writing = this.waiting.shift();
      if (writing === undefined) return;
      this.start(writing);
    }
  }

  private start(writing: Writing): void {
    const abort = new AbortController();
    const running: Running = { writing, abort, done: writing.run(abort.signal) };
    this.running.add(running);
    void running.done.then(() => {
      this.running.delete(running);
      this.next();
      this.settle();
    });
  }

  private settle(): void {
    if (this.size > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }
}
