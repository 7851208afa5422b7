import type { FlakyTask, LimitValues } from '@org/dte-protocol';
import type { Evidence } from './history';

export type HistoryLimits = Pick<LimitValues, 'flakyMs' | 'historyEntries'>;

/** What is known of one task with one hash. */
interface Entry {
  readonly taskId: string;
  readonly hash: string;
  failedAtMs: number | null;
  succeededAtMs: number | null;
}

/** Of successes without a failure only the day matters: a grain, no limit. */
const SAME_MS = 86_400_000;
/** Share of the entries that is deleted at once, so that deleting is rare. A part of the limit `historyEntries`. */
const FORGET_PART = 0.1;

const latestOf = ({ failedAtMs, succeededAtMs }: Entry): number =>
  Math.max(failedAtMs ?? 0, succeededAtMs ?? 0);

const asFlaky = ({ taskId, hash, failedAtMs, succeededAtMs }: Entry): FlakyTask | null =>
  failedAtMs === null || succeededAtMs === null ? null : { taskId, hash, failedAtMs, succeededAtMs };

/** The evidence of one project, in memory; bounded in time and number. */
export class EvidenceBook {
  /** In the order of the latest news. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly limits: HistoryLimits) {}

  get size(): number {
    return this.entries.size;
  }

  /** @returns whether it says anything new */
  add({ taskId, hash, status, atMs }: Evidence): boolean {
    const key = `${hash} ${taskId}`;
    const entry = this.entries.get(key) ?? { taskId, hash, failedAtMs: null, succeededAtMs: null };
    if (status === 'success' && isKnown(entry, atMs)) return false;
    if (status === 'success') entry.succeededAtMs = atMs;
    else entry.failedAtMs = atMs;
    this.entries.delete(key);
    this.entries.set(key, entry);
    if (this.entries.size > this.limits.historyEntries) this.forgetOldest();
    return true;
  }

  flaky(nowMs: number): FlakyTask[] {
    const latest = new Map<string, { task: FlakyTask; atMs: number }>();
    for (const entry of this.entries.values()) {
      const task = asFlaky(entry);
      const atMs = latestOf(entry);
      if (task === null || nowMs - atMs >= this.limits.flakyMs) continue;
      if (atMs >= (latest.get(task.taskId)?.atMs ?? 0)) latest.set(task.taskId, { task, atMs });
    }
    return [...latest.values()].sort((a, b) => b.atMs - a.atMs).map(({ task }) => task);
  }

  /** Forgets what is too old to make a task flaky. */
  expire(nowMs: number): void {
    for (const [key, entry] of this.entries)
      if (nowMs - latestOf(entry) >= this.limits.flakyMs) this.entries.delete(key);
  }

  /** All of it, such that adding it to an empty book gives this one. */
  evidence(): Evidence[] {
    return [...this.entries.values()].flatMap(({ taskId, hash, failedAtMs, succeededAtMs }) =>
      [
        ...(failedAtMs === null ? [] : [{ taskId, hash, status: 'failure' as const, atMs: failedAtMs }]),
        ...(succeededAtMs === null
          ? []
          : [{ taskId, hash, status: 'success' as const, atMs: succeededAtMs }]),
      ].sort((a, b) => a.atMs - b.atMs),
    );
  }

  /** What makes tasks flaky goes last: there is little of it, and it is what all this is for. */
  private forgetOldest(): void {
    let tooMany = Math.ceil(this.limits.historyEntries * FORGET_PART);
    for (const spareFlaky of [true, false]) {
      for (const [key, entry] of this.entries) {
        if (tooMany <= 0) return;
        if (spareFlaky && asFlaky(entry) !== null) continue;
        this.entries.delete(key);
        tooMany -= 1;
      }
    }
  }
}

/** A success after a success. Without any failure its time moves on by days, so that it is not forgotten. */
function isKnown({ failedAtMs, succeededAtMs }: Entry, atMs: number): boolean {
  if (succeededAtMs === null) return false;
  return failedAtMs === null ? atMs - succeededAtMs < SAME_MS : succeededAtMs >= failedAtMs;
}
