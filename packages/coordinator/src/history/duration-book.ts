import type { LimitValues } from '@org/dte-protocol';
import type { Book } from './book';
import { type DurationEntry, later, withDuration } from './duration-entry';
import type { Duration, TaskKind } from './durations';

export type DurationLimits = Pick<LimitValues, 'durationEntries' | 'durationsMs'>;

/** Share of the entries that is deleted at once, so that deleting is rare. A part of the limit `durationEntries`. */
const FORGET_PART = 0.1;
/**
 * Kinds of agents that are remembered for one task, the latest ones. No limit of its own: where each agent has a label of its own
 * (the name of its job), more of them say nothing.
 */
const CLASSES_PER_TASK = 4;
/** Clocks differ, and a cache may have been written by another machine: what is further in the future is wrong. A day. */
const AHEAD_MS = 86_400_000;

const SEPARATOR = '\0';
export const kindKey = ({ project, target, configuration }: TaskKind): string =>
  [project, target, configuration ?? ''].join(SEPARATOR);

/** The durations of one project, in memory; limited in time and number. */
export class DurationBook implements Book<Duration, DurationEntry> {
  /** Task -> kind of agent -> what is known. */
  private readonly tasks = new Map<string, Map<string, DurationEntry>>();
  private entries = 0;

  constructor(private readonly limits: DurationLimits) {}

  get size(): number {
    return this.entries;
  }

  load(entry: DurationEntry): void {
    const known = this.tasks.get(kindKey(entry))?.get(entry.agentClass);
    this.put(known === undefined ? entry : later(known, entry));
  }

  take(news: readonly Duration[]): DurationEntry[] {
    const changed = new Map<string, DurationEntry>();
    for (const each of news) {
      const key = kindKey(each);
      const entry = withDuration(this.tasks.get(key)?.get(each.agentClass) ?? null, each);
      this.put(entry);
      changed.set(`${key}${SEPARATOR}${each.agentClass}`, entry);
    }
    return [...changed.values()];
  }

  expire(nowMs: number): void {
    const { durationsMs } = this.limits;
    this.remove(({ atMs }) => nowMs - atMs >= durationsMs || atMs - nowMs > AHEAD_MS);
  }

  lines(): DurationEntry[] {
    return [...this.tasks.values()].flatMap((classes) => [...classes.values()]);
  }

  private put(entry: DurationEntry): void {
    const key = kindKey(entry);
    const classes = this.tasks.get(key) ?? new Map<string, DurationEntry>();
    this.tasks.set(key, classes);
    this.entries -= classes.size;
    classes.set(entry.agentClass, entry);
    if (classes.size > CLASSES_PER_TASK) classes.delete(oldestOf(classes.values()).agentClass);
    this.entries += classes.size;
    if (this.entries > this.limits.durationEntries) this.forgetOldest();
  }

  private forgetOldest(): void {
    const kept = Math.floor(this.limits.durationEntries * (1 - FORGET_PART));
    const times = this.lines().map(({ atMs }) => atMs);
    const oldestKept = times.sort((a, b) => b - a)[kept] ?? 0;
    let tooMany = this.entries - kept;
    this.remove(({ atMs }) => atMs <= oldestKept && tooMany-- > 0);
  }

  private remove(isOver: (entry: DurationEntry) => boolean): void {
    for (const [key, classes] of this.tasks) {
      for (const entry of classes.values())
        if (isOver(entry) && classes.delete(entry.agentClass)) this.entries -= 1;
      if (classes.size === 0) this.tasks.delete(key);
    }
  }
}

const oldestOf = (entries: Iterable<DurationEntry>): DurationEntry =>
  [...entries].reduce((oldest, entry) => (entry.atMs < oldest.atMs ? entry : oldest));
