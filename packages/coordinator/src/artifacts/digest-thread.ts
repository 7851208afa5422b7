import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { HereDigest, type Digest } from './digest';

/** What the thread does. As text: it needs nothing but Node, and no path that differs between sources and a package. */
const MAIN = `
const { createHash } = require('node:crypto');
const { parentPort } = require('node:worker_threads');
const hashes = new Map();
parentPort.on('message', ({ id, memory, bytes, isLast }) => {
  if (memory === null) return void hashes.delete(id);
  const hash = hashes.get(id) ?? createHash('sha256');
  hash.update(new Uint8Array(memory, 0, bytes));
  if (isLast) hashes.delete(id);
  else hashes.set(id, hash);
  parentPort.postMessage({ id, memory, sha256: isLast ? hash.digest('hex') : null }, [memory]);
});
`;

/** Handed over at a time: a message costs as much as hashing 20 kB. Not configurable: a buffer size. */
export const PIECE_BYTES = 256 * 1024;

/** Pieces of one upload that are with the thread before it waits. Not configurable: one is hashed, one is there when that is done. */
const PIECES_AHEAD = 2;

/** Pieces that wait for the next upload: 4 MB. Not configurable: more are allocated, and not kept. */
const SPARE_PIECES = 16;

/** What the thread answers. */
interface Answer {
  readonly id: number;
  readonly memory: ArrayBuffer;
  /** In hex; null: more follows. */
  readonly sha256: string | null;
}

/** How the thread is started; tests have their own. */
export type StartThread = () => Worker;

/** With nothing of this process: not its variables, and none of its options. */
const startThread: StartThread = () => new Worker(MAIN, { eval: true, execArgv: [], env: {} });

/**
 * Computes sha256 beside everything else that this process does: of an upload, it takes half of the time. The thread is started when it is
 * needed first. If it fails, all that it had is left to the caller (`null`), and what follows is hashed here.
 */
export class DigestThread {
  private worker: Worker | null = null;
  private hasFailed = false;
  private lastId = 0;
  private readonly digests = new Map<number, ThreadDigest>();
  private readonly spare: ArrayBuffer[] = [];

  constructor(
    private readonly start: StartThread = startThread,
    /** With one processor, messages would be all that it adds. */
    private readonly isUseful = availableParallelism() > 1,
  ) {}

  begin(): Digest {
    const worker = this.isUseful && !this.hasFailed ? this.started() : null;
    if (worker === null) return new HereDigest();
    const id = ++this.lastId;
    const digest = new ThreadDigest({
      take: () => this.spare.pop() ?? new ArrayBuffer(PIECE_BYTES),
      giveBack: (memory) => this.keep(memory),
      send: (memory, bytes, isLast) =>
        worker.postMessage({ id, memory, bytes, isLast }, memory === null ? [] : [memory]),
      onEnd: () => this.forget(id),
    });
    // A process with nothing else to do must wait for it, and may end without it otherwise.
    if (this.digests.size === 0) worker.ref();
    this.digests.set(id, digest);
    return digest;
  }

  private started(): Worker | null {
    if (this.worker !== null) return this.worker;
    try {
      const worker = this.start();
      worker.on('message', ({ id, memory, sha256 }: Answer) => {
        this.keep(memory);
        this.digests.get(id)?.done(sha256);
      });
      worker.on('error', () => this.fail()).on('messageerror', () => this.fail());
      worker.on('exit', () => this.fail());
      worker.unref();
      this.worker = worker;
    } catch {
      this.fail();
    }
    return this.worker;
  }

  private fail(): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    process.emitWarning(
      'The thread that computes digests has failed; from now on they are computed without it.',
    );
    for (const digest of [...this.digests.values()]) digest.fail();
    void this.worker?.terminate();
    this.worker = null;
  }

  private keep(memory: ArrayBuffer): void {
    if (this.spare.length < SPARE_PIECES) this.spare.push(memory);
  }

  private forget(id: number): void {
    this.digests.delete(id);
    if (this.digests.size === 0) this.worker?.unref();
  }
}

interface Ways {
  /** Memory of `PIECE_BYTES`. */
  readonly take: () => ArrayBuffer;
  readonly giveBack: (memory: ArrayBuffer) => void;
  /** @param memory null: nothing more comes, and no answer is expected */
  readonly send: (memory: ArrayBuffer | null, bytes: number, isLast: boolean) => void;
  readonly onEnd: () => void;
}

/** One upload. Its bytes are copied, so that they can be written to the disk meanwhile. */
class ThreadDigest implements Digest {
  private memory: ArrayBuffer | null = null;
  private view = new Uint8Array(0);
  private filled = 0;
  private underWay = 0;
  private hasEnded = false;
  /** Undefined: not known yet. */
  private sha256: string | null | undefined = undefined;
  private wake: () => void = () => undefined;

  constructor(private readonly ways: Ways) {}

  add(chunks: readonly Buffer[], isLast: boolean): Promise<void> | undefined {
    for (const chunk of chunks) this.copy(chunk);
    if (isLast) this.flush(true);
    return isLast ? undefined : this.until(() => this.underWay <= PIECES_AHEAD);
  }

  async finish(): Promise<string | null> {
    await this.until(() => this.sha256 !== undefined);
    return this.sha256 ?? null;
  }

  abandon(): void {
    if (this.hasEnded) return;
    if (this.memory !== null) this.ways.giveBack(this.memory);
    this.memory = null;
    this.ways.send(null, 0, true);
    this.end(null);
  }

  /** The thread has hashed a piece. */
  done(sha256: string | null): void {
    this.underWay -= 1;
    if (sha256 === null) this.wake();
    else this.end(sha256);
  }

  /** It never will. */
  fail(): void {
    this.memory = null;
    this.end(null);
  }

  private copy(chunk: Buffer): void {
    for (let at = 0; at < chunk.length && !this.hasEnded;) {
      if (this.memory === null) {
        this.memory = this.ways.take();
        this.view = new Uint8Array(this.memory);
        this.filled = 0;
      }
      const piece = chunk.subarray(at, at + PIECE_BYTES - this.filled);
      this.view.set(piece, this.filled);
      this.filled += piece.length;
      at += piece.length;
      if (this.filled === PIECE_BYTES) this.flush(false);
    }
  }

  private flush(isLast: boolean): void {
    if (this.hasEnded || (this.memory === null && !isLast)) return;
    const memory = this.memory ?? this.ways.take();
    const bytes = this.memory === null ? 0 : this.filled;
    this.memory = null;
    this.underWay += 1;
    this.ways.send(memory, bytes, isLast);
  }

  private end(sha256: string | null): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.sha256 = sha256;
    this.ways.onEnd();
    this.wake();
  }

  /** Resolves when it is so, and when nothing is expected any more. */
  private until(isSo: () => boolean): Promise<void> | undefined {
    if (this.hasEnded || isSo()) return undefined;
    return new Promise((resolve) => {
      this.wake = () => {
        if (this.hasEnded || isSo()) resolve();
      };
    });
  }
}

let ofThisProcess: DigestThread | null = null;

/** All stores of a process share one: it is as fast as they can receive. */
export const digestThread = (): DigestThread => (ofThisProcess ??= new DigestThread());
