import type { Journal } from '../journal/journal';
import type { SessionReport } from '../report/session-report';
import type { SessionLog } from '../log/session-log';
import type { Compaction } from './compaction';
import type { SessionDriver } from './driver';
import { fromJournal } from './journaled-input';
import type { RunSpecStore } from './run-specs';
import type { SessionMemory } from './session-memory';
import type { SessionDurations } from './session-durations';
import { decodeSnapshot } from './snapshot';

/** A new session object, and what it is restored from. */
export interface Restored {
  readonly journal: Journal;
  /** Of the session, for messages. */
  readonly folder: string;
  readonly runs: RunSpecStore;
  readonly driver: SessionDriver;
  readonly memory: SessionMemory;
  readonly log: SessionLog;
  readonly compaction: Compaction;
  /** Null: none is kept. */
  readonly report: SessionReport | null;
  readonly durations: SessionDurations;
}

/**
 * Restores a session from its journal: the snapshot first, then every later entry.
 * @returns how many entries were replayed; null: the journal is new
 * @throws DteError DTE_JOURNAL_CORRUPT
 */
export async function restore(session: Restored): Promise<number | null> {
  const { journal, folder, driver, memory, runs, report } = session;
  const snapshot = await journal.snapshot();
  if (snapshot !== null) {
    const image = await decodeSnapshot(snapshot, folder);
    driver.resume(image.state);
    memory.resume(image);
    await report?.resume(image.state, async (runId) => (await runs.read(runId)).spec);
  }
  const replayed = await replay(session);
  return snapshot === null && replayed === 0 ? null : replayed;
}

async function replay(session: Restored): Promise<number> {
  const { journal, report, runs, driver, memory, log, compaction, durations } = session;
  let replayed = 0;
  for await (const entry of journal.replay()) {
    const input = await fromJournal(entry, async (runId) => {
      const { spec, bytesOnDisk } = await runs.read(runId);
      compaction.addSpec(bytesOnDisk);
      return spec;
    });
    if (input.type === 'run.submit') {
      memory.submissions.set(input.spec.runId, Promise.resolve());
      memory.begin(input.spec, entry.atMs);
      durations.begin(input.spec);
    }
    const effects = driver.replay(input, entry.atMs);
    report?.step({ state: driver.state, input, effects, atMs: entry.atMs });
    memory.note(effects.events);
    durations.ended(effects.events);
    log.follow(effects.events, entry.atMs);
    replayed += 1;
  }
  return replayed;
}
