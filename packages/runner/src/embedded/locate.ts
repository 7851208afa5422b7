import { DteError, type Rendezvous, type RendezvousRecord } from '@org/dte-protocol';
import { setTimeout as delay } from 'node:timers/promises';

export interface LocateOptions {
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  readonly timeoutMs: number;
  /** Does a coordinator answer there? */
  readonly isAlive: (record: RendezvousRecord) => Promise<boolean>;
  /** Is it that of an earlier try of this job? Then it is left alone, alive or not. */
  readonly isEarlierTry: (record: RendezvousRecord) => boolean;
  /** One process of this machine at a time: the way to release, or null when another one holds it. */
  readonly tryLock: () => (() => void) | null;
  /** Starts an embedded coordinator; resolves when it is healthy and its record published. */
  readonly start: () => Promise<void>;
  /** Default `POLL_MS`. */
  readonly pollMs?: number;
  /** How often `onSlow` is called while another process of this machine starts it. */
  readonly noteMs: number;
  readonly onSlow: (elapsedMs: number) => void;
  /**
   * Throws when nothing may be started: this job has told its agents to leave.
   * @param record what is published: when the search begins, and again before one is started
   */
  readonly check?: (record: RendezvousRecord | null) => void;
}

/** Where the coordinator is, and whether this process has started it. */
export interface Located {
  readonly record: RendezvousRecord;
  readonly started: boolean;
  /** What was published when the search began, by a living coordinator or not. */
  readonly previous: RendezvousRecord | null;
}

/** Interval at which the record of a starting coordinator is looked up, on this machine. No limit: the timeout is `timeoutMs`. */
const POLL_MS = 50;

/**
 * Makes sure that a session has a coordinator: the one that is there, or one started now, also for a finished session.
 * When several nx commands begin at the same time one of them starts it, the others wait for its record.
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
        // The previous owner may have published between our look and our lock.
        const meanwhile = await find();
        if (meanwhile !== null) return { record: meanwhile, started: false, previous };
        // Or it has failed, and told the agents to leave.
        options.check?.(await rendezvous.find(sessionId));
        try {
          await options.start();
        } catch (thrown) {
          if (DteError.from(thrown).code !== 'DTE_DATA_FOLDER_IN_USE') throw thrown;
          // Perhaps it is this session's coordinator that has it, and was only slow to answer.
          const holder = await find();
          if (holder === null) throw thrown;
          return { record: holder, started: false, previous };
        }
        // It has said itself that it is healthy: to ask again would only find out how busy this machine is.
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
