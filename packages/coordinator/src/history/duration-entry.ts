import type { Duration, TaskKind } from './durations';

/** What is remembered of one task on one kind of agent. */
export interface DurationEntry extends TaskKind {
  readonly agentClass: string;
  /** How many results are in it. */
  readonly count: number;
  /** Weighted mean of ln(ms): durations vary by factors, and one that took ten times as long must not decide for weeks. */
  readonly logMs: number;
  /** Weighted variance around it. */
  readonly variance: number;
  /** Of all results. */
  readonly maxMs: number;
  /** Weighted mean; null if it was never measured. */
  readonly cpuMs: number | null;
  /** Weighted mean that a larger value replaces: too little memory is worse than too much. */
  readonly peakBytes: number | null;
  /** Of the last result. */
  readonly outputBytes: number;
  /** When it ran last, ms since the epoch. */
  readonly atMs: number;
}

/**
 * Weight of the latest result: after two runs, half of the estimate is new. Not configurable: durations change with commits, and
 * a single slow run must not be the whole truth.
 */
const LATEST = 0.3;
/** A task that took less is taken for one that took this long: its logarithm would be negative. A unit. */
const LEAST_MS = 1;

/** Plain means of the first results: an exponential mean would keep too much of the very first one. */
const weightOf = (count: number): number => Math.max(LATEST, 1 / count);

const mixed = (before: number | null, latest: number | null, weight: number): number | null => {
  if (before === null || latest === null) return latest ?? before;
  return before + weight * (latest - before);
};

/**
 * Exponentially weighted mean and variance (T. Finch, "Incremental calculation of weighted mean and variance", 2009, section 9).
 * @param before null: the first result
 */
export function withDuration(before: DurationEntry | null, latest: Duration): DurationEntry {
  const { project, target, configuration, agentClass, cpuMs, peakBytes, outputBytes } = latest;
  const runMs = Math.max(LEAST_MS, latest.runMs);
  const kind = { project, target, configuration, agentClass };
  const log = Math.log(runMs);
  if (before === null)
    return {
      ...kind,
      count: 1,
      logMs: log,
      variance: 0,
      maxMs: runMs,
      cpuMs,
      peakBytes,
      outputBytes,
      atMs: latest.atMs,
    };
  const count = before.count + 1;
  const weight = weightOf(count);
  const difference = log - before.logMs;
  const peak = mixed(before.peakBytes, peakBytes, weight);
  return {
    ...kind,
    count,
    logMs: before.logMs + weight * difference,
    variance: (1 - weight) * (before.variance + weight * difference * difference),
    maxMs: Math.max(before.maxMs, runMs),
    cpuMs: mixed(before.cpuMs, cpuMs, weight),
    peakBytes: peak === null ? null : Math.max(peak, peakBytes ?? 0),
    outputBytes,
    atMs: Math.max(before.atMs, latest.atMs),
  };
}

/** Of two entries of one task, that of whoever saw it run last: two copies of a file have most of their results in common. */
export const later = (one: DurationEntry, other: DurationEntry): DurationEntry =>
  other.atMs > one.atMs || (other.atMs === one.atMs && other.count >= one.count) ? other : one;
