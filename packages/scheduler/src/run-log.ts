import { LIMITS, type RunLogEntry, type RunSummary, type RunUpdate } from '@org/dte-protocol';
import type { EffectsBuilder } from './effects-builder';
import { ownAgents, slotsOf } from './free-agents';
import type { Lease } from './lease';
import type { RunLog, RunState, SchedulerState } from './state';
import { at } from './lookup';

type Numbered<T> = T extends unknown ? Omit<T, 'seq'> : never;

/** A log entry before it has its number. */
export type NewEntry = Numbered<RunLogEntry>;

export const createLog = (): RunLog => ({
  ackSeq: 0,
  entries: [],
  baseSeq: 0,
  sentSeq: 0,
  rewoundAtMs: -Infinity,
});

const lastSeq = (log: RunLog): number => log.baseSeq + log.entries.length;

export function appendEntry(run: RunState, entry: NewEntry, out: EffectsBuilder): void {
  run.log.entries.push({ ...entry, seq: lastSeq(run.log) + 1 });
  out.tellRun(run.runId);
}

/** Deletes what the main job has processed. An acknowledgement beyond the sent entries is limited to those. */
export function acknowledge(log: RunLog, ackSeq: number): void {
  log.ackSeq = Math.max(log.ackSeq, Math.min(ackSeq, lastSeq(log)));
  const known = log.ackSeq - log.baseSeq;
  // Cutting off half of the array at a time moves each entry once on average.
  if (known * 2 < log.entries.length) return;
  log.entries.splice(0, known);
  log.baseSeq = log.ackSeq;
}

/** Sends everything after the acknowledged entry again. */
export function rewind(state: SchedulerState, log: RunLog): void {
  log.sentSeq = log.ackSeq;
  log.rewoundAtMs = state.nowMs;
}

/**
 * True if the main job repeats an acknowledgement although it was sent more: a message was lost. The main job repeats
 * it for every message after the gap, and one resend is enough.
 */
export const isStuck = (state: SchedulerState, log: RunLog, ackSeq: number): boolean =>
  ackSeq < log.sentSeq &&
  ackSeq <= log.ackSeq &&
  state.nowMs - log.rewoundAtMs >= LIMITS.runLogRepeatMs.value;

/** The entries that were not sent yet, in frames of limited length; at least one frame if the main job asked. */
export function takeUpdates(state: SchedulerState, run: RunState, asked: boolean): RunUpdate[] {
  const { log } = run;
  const updates: RunUpdate[] = [];
  const summary = summarize(state, run);
  while (log.sentSeq < lastSeq(log) || (asked && updates.length === 0)) {
    const entries = nextFrame(log, state.config.logEntriesPerFrame);
    updates.push({
      type: 'run.update',
      runId: run.runId,
      fromSeq: log.sentSeq,
      entries,
      state: 'running',
      summary,
    });
    log.sentSeq += entries.length;
  }
  // The run is over only after its last entry.
  const last = updates.at(-1);
  if (last !== undefined) last.state = run.phase;
  return updates;
}

/** Hash details of a task may be megabytes: an entry with details ends its frame. */
function nextFrame(log: RunLog, maxEntries: number): RunLogEntry[] {
  const from = log.sentSeq - log.baseSeq;
  const end = Math.min(from + maxEntries, log.entries.length);
  for (let place = from; place < end; place++) {
    const entry = at(log.entries, place);
    const result = entry.type === 'ended' ? entry.result : null;
    if (result?.kind === 'finished' && result.hashDetails !== null) return log.entries.slice(from, place + 1);
  }
  return log.entries.slice(from, end);
}

/** Of those that take slots, the first that was assigned. */
function oldestRunning({ leases }: RunState): Lease | undefined {
  for (const lease of leases.values()) if (lease.place === 'slot') return lease;
  return undefined;
}

function summarize(state: SchedulerState, run: RunState): RunSummary {
  const oldest = oldestRunning(run);
  const own = ownAgents(state, run);
  return {
    total: run.total,
    done: run.done,
    running: run.leases.size - run.ahead,
    agents: state.usable.agents + own.length,
    slots: state.usable.slots + own.reduce((sum, agent) => sum + slotsOf(state, agent), 0),
    oldestRunning:
      oldest === undefined
        ? null
        : {
            taskId: oldest.assignment.taskId,
            agentName: state.agents.get(oldest.agentId)?.name ?? oldest.agentId,
            forMs: state.nowMs - (oldest.runsSinceMs ?? oldest.sinceMs),
          },
  };
}
