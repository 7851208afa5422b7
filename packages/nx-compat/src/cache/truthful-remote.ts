import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { NxCachedResult, NxRemoteCache } from './nx-cache';
import type { StoreOutcome } from './types';

/**
 * Delays before each attempt to store: a task should not be lost while a coordinator restarts. Not configurable: a store that
 * fails is followed by an upload by dte, which has its own limits.
 */
export const STORE_ATTEMPT_DELAYS_MS: readonly number[] = [0, 250, 1000];

/**
 * Timeout of a single transfer. Native code sets no limit of its own, so a server that accepts and never answers would block
 * the task forever. Enough for 5 GB at 10 MB/s; a transfer that timed out continues, and its result is ignored. Not
 * configurable: it replaces the timeout that Nx's client lacks. Transfers by dte time out if no bytes are transferred.
 */
export const TRANSFER_LIMIT_MS = 10 * 60_000;

const message = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n\nStack backtrace')[0] ?? '';

/** Why a retrieve failed, and the original error. */
export interface RetrieveFailure {
  readonly message: string;
  readonly cause: unknown;
}

async function limited<T>(transfer: Promise<T>, limitMs: number | null): Promise<T> {
  if (limitMs === null) return transfer;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_done, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer from the remote cache within ${String(limitMs)} ms`));
    }, limitMs);
  });
  try {
    return await Promise.race([transfer, timeout]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Nx's HTTP cache gives the same answers on 20.8, 21, 22, 23 and 24 (checked by the integration suite):
 *
 * | server answers  | store                        | retrieve                     |
 * |-----------------|------------------------------|------------------------------|
 * | 200             | true                         | the result                   |
 * | 403, 409        | false, silently              | 403 throws "Misconfigured"   |
 * | 404             | throws "Misconfigured"       | null                         |
 * | 401             | throws "Unauthorized: body"  | throws "Unauthorized: body"  |
 * | 201, 204, 4xx, 5xx | throws "Misconfigured remote cache endpoint" | the same |
 * | no answer       | throws "Failed to send request" | the same                  |
 *
 * Native code does not retry. But Nx repeats a `put` whose store throws, copying the outputs again each time, for up to
 * 20 s, and then fails the task; on some versions, a retrieve that throws ends the whole run. In both cases, a lost
 * coordinator would fail a command that passes without it. So this wrapper never throws, and records what happened.
 */
export class TruthfulRemoteCache implements NxRemoteCache {
  /** The result of the last store of each hash, until it is taken. */
  private readonly outcomes = new Map<string, StoreOutcome>();
  /** Why the last retrieve of each hash failed, until it is taken. */
  private readonly failures = new Map<string, RetrieveFailure>();
  /** Hashes for which `retrieve` reports a miss without asking. */
  readonly unasked = new Set<string>();
  /** Hashes whose next store sends nothing, because Nx would send something else than the task has made. */
  readonly withheld = new Set<string>();
  /** Nothing is requested or sent any more. */
  isDisconnected = false;
  /** After a store has failed permanently, later ones are tried once: a lost coordinator costs one wait, not one per task. */
  private suspect = false;

  constructor(
    private readonly inner: NxRemoteCache,
    private readonly delaysMs: readonly number[] = STORE_ATTEMPT_DELAYS_MS,
    /** Null for a writer that has its own timeout for missing progress. */
    private readonly limitMs: number | null = TRANSFER_LIMIT_MS,
    /** The same for a reader. */
    private readonly retrieveLimitMs: number | null = limitMs,
  ) {}

  async retrieve(hash: string, cacheDirectory: string): Promise<NxCachedResult | null> {
    this.failures.delete(hash);
    if (this.isDisconnected || this.unasked.has(hash)) return null;
    try {
      const result = await limited(this.inner.retrieve(hash, cacheDirectory), this.retrieveLimitMs);
      // An archive without outputs creates no folder, and up to 20.8.1 Nx fails if the folder is missing.
      if (result !== null) mkdirSync(join(cacheDirectory, hash), { recursive: true });
      return result;
    } catch (error) {
      this.failed(hash, error);
      return null;
    }
  }

  /** An artifact was retrieved but cannot be used. */
  failed(hash: string, error: unknown): void {
    this.failures.set(hash, { message: message(error), cause: error });
  }

  async store(hash: string, cacheDirectory: string, terminalOutput: string, code: number): Promise<boolean> {
    let last: StoreOutcome = { kind: 'none' };
    if (this.withheld.delete(hash) || this.isDisconnected) return false;
    for (const delayMs of this.suspect ? [0] : this.delaysMs) {
      if (delayMs > 0) await delay(delayMs);
      try {
        const accepted = await limited(
          this.inner.store(hash, cacheDirectory, terminalOutput, code),
          this.limitMs,
        );
        // A workspace's own cache is JavaScript and may return nothing.
        last = { kind: accepted === false ? 'declined' : 'stored' };
        break;
      } catch (error) {
        last = { kind: 'failed', message: message(error) };
      }
    }
    this.suspect = last.kind === 'failed';
    this.outcomes.set(hash, last);
    return last.kind === 'stored';
  }

  /** The result of storing this hash since the last call; `none` if it was not stored. */
  takeOutcome(hash: string): StoreOutcome {
    const outcome = this.outcomes.get(hash) ?? { kind: 'none' };
    this.outcomes.delete(hash);
    return outcome;
  }

  /** Why retrieving this hash failed since the last call, if it did. */
  takeFailure(hash: string): RetrieveFailure | undefined {
    const failure = this.failures.get(hash);
    this.failures.delete(hash);
    return failure;
  }
}
