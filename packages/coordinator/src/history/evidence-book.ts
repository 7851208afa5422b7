import type { FlakyTask, LimitValues } from '@org/dte-protocol';
import type { Book } from './book';
import type { Evidence } from './history';

export type HistoryLimits = Pick<LimitValues, 'flakyMs' | 'historyEntries'>;

/** What is known about one task with one hash. */
interface Entry {
  readonly taskId: string;
  readonly hash: string;
  failedAtMs: number | null;
  succeededAtMs: number | null;
}

/** For successes without a failure only the day is stored: a granularity, not a limit. */
const SAME_MS = 86_400_000;
/** Share of the entries that is deleted at once, so that deleting is rare. A part of the limit `historyEntries`. */
const FORGET_PART = 0.1;

const latestOf = ({ failedAtMs, succeededAtMs }: Entry): number =>
  Math.max(failedAtMs ?? 0, succeededAtMs ?? 0);

const asFlaky = ({ taskId, hash, failedAtMs, succeededAtMs }: Entry): FlakyTask | null =>
  failedAtMs === null || succeededAtMs === null ? null : { taskId, hash, failedAtMs, succeededAtMs };

/** The evidence of one project, in memory; limited in time and number. */
export class EvidenceBook implements Book<Evidence, Evidence> {
  /** In the order of the latest news. */
  private readonly entries = new Map<string, Entry>();

  constructor(private readonly limits: HistoryLimits) {}

  get size(): number {
    return this.entries.size;
  }

  load(evidence: Evidence): void {
    this.add(evidence);
  }

  take(news: readonly Evidence[]): Evidence[] {
    return news.filter((each) => this.add(each));
  }

  /** @returns whether it adds information */
  private add({ taskId, hash, status, atMs }: Evidence): boolean {
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

  /** Removes evidence that is too old to make a task flaky. */
  expire(nowMs: number): void {
    for (const [key, entry] of this.entries)
      if (nowMs - latestOf(entry) >= this.limits.flakyMs) this.entries.delete(key);
  }

  lines(): Evidence[] {
    return [...this.entries.values()].flatMap(({ taskId, hash, failedAtMs, succeededAtMs }) =>
      [
        ...(failedAtMs === null ? [] : [{ taskId, hash, status: 'failure' as const, atMs: failedAtMs }]),
        ...(succeededAtMs === null
          ? []
          : [{ taskId, hash, status: 'success' as const, atMs: succeededAtMs }]),
      ].sort((a, b) => a.atMs - b.atMs),
    );
  }

  /** Evidence of flakiness is evicted last: there is little of it, and it is the purpose of the history. */
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

/** A success after a success. If there was no failure, its time advances by days, so that it is not removed. */
function isKnown({ failedAtMs, succeededAtMs }: Entry, atMs: number): boolean {
  if (succeededAtMs === null) return false;
  return failedAtMs === null ? atMs - succeededAtMs < SAME_MS : succeededAtMs >= failedAtMs;
}
