import { DteError, type Rendezvous, type RendezvousRecord } from '@org/dte-protocol';
import { setTimeout as delay } from 'node:timers/promises';

export interface LocateOptions {
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  readonly timeoutMs: number;
  /** Does a coordinator answer there? */
  readonly isAlive: (record: RendezvousRecord) => Promise<boolean>;
  /** Is it that of an earlier try of this job? Then it is not used, running or not. */
  readonly isEarlierTry: (record: RendezvousRecord) => boolean;
  /** A lock for one process of this machine: the function that releases it, or null if another process holds it. */
  readonly tryLock: () => (() => void) | null;
  /** Starts an embedded coordinator; resolves when it is healthy and its record published. */
  readonly start: () => Promise<void>;
  /** Default `POLL_MS`. */
  readonly pollMs?: number;
  /** Interval of `onSlow` while another process of this machine starts the coordinator. */
  readonly noteMs: number;
  readonly onSlow: (elapsedMs: number) => void;
  /**
   * Throws if nothing may be started, because this job has released its agents.
   * @param record the published record: when the search begins, and again before a coordinator is started
   */
  readonly check?: (record: RendezvousRecord | null) => void;
}

/** Where the coordinator is, and whether this process has started it. */
export interface Located {
  readonly record: RendezvousRecord;
  readonly started: boolean;
  /** The record that was published when the search began, whether its coordinator runs or not. */
  readonly previous: RendezvousRecord | null;
}

/** Interval at which the record of a starting coordinator is looked up, on this machine. Not configurable: the timeout is `timeoutMs`. */
const POLL_MS = 50;

/**
 * Makes sure that a session has a coordinator: the existing one, or one started now, also for a finished session.
 * When several nx commands start at the same time, one of them starts it, and the others wait for its record.
 * @throws DteError DTE_COORDINATOR_SLOW, or what `start` or `check` throws
 */
export async function locateOrStart(options: LocateOptions): Promise<Located> {
  const { rendezvous, sessionId, timeoutMs, pollMs = POLL_MS } = options;
  const find = async (): Promise<RendezvousRecord | null> => {
    const record = await rendezvous.find(sessionId);
    if (record === null || record.state === 'finished' || options.isEarlierTry(record)) return null;
    return (await options.isAlive(record)) ? record : null;
  };
  const previous = await rendezvous.find(sessionId);
  options.check?.(previous);
  const beginMs = Date.now();
  const deadline = beginMs + timeoutMs;
  let noteMs = beginMs + options.noteMs;
  do {
    const found = await find();
    if (found !== null) return { record: found, started: false, previous };
    const release = options.tryLock();
    if (release !== null) {
      try {
        // The previous owner may have published between the lookup and the lock.
        const meanwhile = await find();
        if (meanwhile !== null) return { record: meanwhile, started: false, previous };
        // Or it has failed, and released the agents.
        options.check?.(await rendezvous.find(sessionId));
        try {
          await options.start();
        } catch (thrown) {
          if (DteError.from(thrown).code !== 'DTE_DATA_FOLDER_IN_USE') throw thrown;
          // This session's coordinator may hold the lock, and may only be slow to answer.
          const holder = await find();
          if (holder === null) throw thrown;
          return { record: holder, started: false, previous };
        }
        // It has reported itself as healthy: another request would only measure how busy this machine is.
        const record = await rendezvous.find(sessionId);
        if (record !== null && record.state !== 'finished' && !options.isEarlierTry(record))
          return { record, started: true, previous };
      } finally {
        release();
      }
    }
    await delay(pollMs);
    if (Date.now() >= noteMs) {
      options.onSlow(noteMs - beginMs);
      noteMs += options.noteMs;
    }
  } while (Date.now() < deadline);
  throw new DteError(
    'DTE_COORDINATOR_SLOW',
    `The coordinator of session ${sessionId}, which another process of this job is starting, was not ready within ${timeoutMs / 1000} s (DTE_COORDINATOR_START_MS).`,
  );
}
