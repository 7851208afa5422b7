import { kindKey } from './duration-book';
import type { DurationEntry } from './duration-entry';
import { highestNeed, usualNeed } from './need';
import type { DurationEstimates, Estimate, TaskKind } from './durations';
import { lateMsOf } from './lateness';

/** Most results of one entry that count when several are put together: a thousand on an old machine must not drown three on a new one. */
const MOST_COUNTED = 10;
/** `e2e-ci--src/cart.cy.ts` is one file's part of `e2e-ci`. */
const PART = '--';

const wholeOf = (target: string): string => target.split(PART)[0] ?? target;

/** Answers from what is known of a project's tasks, from the most exact to the least. */
export class Estimates implements DurationEstimates {
  readonly results: number;
  private readonly byKind: ReadonlyMap<string, readonly DurationEntry[]>;
  private readonly byProjectTarget: ReadonlyMap<string, readonly DurationEntry[]>;
  private readonly byTarget: ReadonlyMap<string, readonly DurationEntry[]>;
  private readonly byWhole: ReadonlyMap<string, readonly DurationEntry[]>;
  /** A median of a thousand entries, asked for by as many tasks, is computed once. */
  private readonly medians = new Map<readonly DurationEntry[], Estimate>();

  constructor(entries: readonly DurationEntry[]) {
    this.results = entries.reduce((sum, { count }) => sum + count, 0);
    this.byKind = groupedBy(entries, kindKey);
    this.byProjectTarget = groupedBy(entries, projectTargetKey);
    this.byTarget = groupedBy(entries, ({ target }) => target);
    const parts = entries.filter(({ target }) => target.includes(PART));
    this.byWhole = groupedBy(parts, ({ project, target }) =>
      projectTargetKey({ project, target: wholeOf(target) }),
    );
  }

  of(task: TaskKind, agentClass: string | null): Estimate | null {
    const same = this.byKind.get(kindKey(task));
    const exact = same?.find((entry) => entry.agentClass === agentClass);
    if (exact !== undefined) return { ...together([exact], 'exact'), lateMs: lateMsOf([exact]) };
    if (same !== undefined) return { ...together(same, 'any-agent'), lateMs: lateMsOf(same) };
    const anyConfiguration = this.byProjectTarget.get(projectTargetKey(task));
    if (anyConfiguration !== undefined) return together(anyConfiguration, 'any-configuration');
    const { project, target } = task;
    return (
      this.median(this.byTarget.get(target), 'target') ??
      this.median(this.byWhole.get(projectTargetKey({ project, target: wholeOf(target) })), 'parts') ??
      this.median(this.byTarget.get(wholeOf(target)), 'parts')
    );
  }

  private median(entries: readonly DurationEntry[] | undefined, source: Estimate['source']): Estimate | null {
    if (entries === undefined) return null;
    const known = this.medians.get(entries);
    if (known !== undefined) return known;
    const logs = entries.map(({ logMs }) => logMs).sort((a, b) => a - b);
    const results = entries.reduce((sum, { count }) => sum + count, 0);
    const ms = msOf(logs[(logs.length - 1) >> 1] ?? 0);
    const estimate = { ms, source, results, lateMs: null, need: usualNeed(entries) };
    this.medians.set(entries, estimate);
    return estimate;
  }
}

const projectTargetKey = ({ project, target }: Pick<TaskKind, 'project' | 'target'>): string =>
  kindKey({ project, target, configuration: null });

const msOf = (log: number): number => Math.max(1, Math.round(Math.exp(log)));

function together(entries: readonly DurationEntry[], source: Estimate['source']): Estimate {
  const weightOf = ({ count }: DurationEntry): number => Math.min(count, MOST_COUNTED);
  const weights = entries.reduce((sum, entry) => sum + weightOf(entry), 0);
  const logs = entries.reduce((sum, entry) => sum + weightOf(entry) * entry.logMs, 0);
  const results = entries.reduce((sum, { count }) => sum + count, 0);
  return { ms: msOf(logs / weights), source, results, lateMs: null, need: highestNeed(entries) };
}

function groupedBy(
  entries: readonly DurationEntry[],
  keyOf: (entry: DurationEntry) => string,
): Map<string, DurationEntry[]> {
  const groups = new Map<string, DurationEntry[]>();
  for (const entry of entries) {
    const key = keyOf(entry);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [entry]);
    else group.push(entry);
  }
  return groups;
}
