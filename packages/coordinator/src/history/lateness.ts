import type { DurationEntry } from './duration-entry';

/** Fewer results say too little about the spread: of two, any third is likely to look late. */
const FEWEST_RESULTS = 3;
/**
 * Results that count at most for the certainty: entries are exponentially weighted, and the weight 0.3 of the latest leaves about as much
 * information as (2 - 0.3) / 0.3 results with equal weights.
 */
const MOST_RESULTS = 6;
/**
 * Upper 5% point of Student's t distribution, by degrees of freedom from 2 on: a table, so that nothing depends on an approximation.
 * Estimated from few results, a spread is uncertain itself, and the factor of the normal distribution (1.645) would call far more than 5%
 * late.
 */
const STUDENT_95 = [2.92, 2.353, 2.132, 2.015] as const;
/**
 * Least spread of logarithms. Tasks that took the same three times in a row are not that regular; with it, late is at least 1.4 times the
 * usual.
 */
const LEAST_SPREAD = 0.15;
/** So much longer than usual at least: below that, fetching inputs and starting a second time costs what it could gain. Five seconds. */
const LEAST_EXCESS_MS = 5_000;

/**
 * After how long a task runs for longer than in 95% of its runs, taking durations as log-normal; null if too little is known. The upper
 * limit of a prediction for one more value: mean + t(n - 1) * spread * sqrt(1 + 1/n).
 * @param entries of one task, by kind of agent; several if it isn't known where it will run
 */
export function lateMsOf(entries: readonly DurationEntry[]): number | null {
  const results = entries.reduce((sum, { count }) => sum + count, 0);
  if (results < FEWEST_RESULTS) return null;
  const weightOf = ({ count }: DurationEntry): number => Math.min(count, MOST_RESULTS);
  const weights = entries.reduce((sum, entry) => sum + weightOf(entry), 0);
  const meanOf = (value: (entry: DurationEntry) => number): number =>
    entries.reduce((sum, entry) => sum + weightOf(entry) * value(entry), 0) / weights;
  const mean = meanOf(({ logMs }) => logMs);
  // Of a mixture: the spread of each kind, and between them.
  const variance = meanOf(({ variance: own, logMs }) => own + (logMs - mean) ** 2);
  const count = Math.min(results, MOST_RESULTS);
  // The variance is that of the results themselves, as if each were worth the same.
  const spread = Math.max(LEAST_SPREAD, Math.sqrt((variance * count) / (count - 1)));
  const student = STUDENT_95[count - FEWEST_RESULTS] ?? STUDENT_95[0];
  const late = Math.exp(mean + student * spread * Math.sqrt(1 + 1 / count));
  return Math.ceil(Math.max(late, Math.exp(mean) + LEAST_EXCESS_MS));
}
