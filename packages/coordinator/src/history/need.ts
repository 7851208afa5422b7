import type { DurationEntry } from './duration-entry';
import type { Need } from './durations';

/**
 * How much more memory than the highest of its results a task may need: half as much again after one, less with each further one
 * (by its square root, as the error of a mean). The spread of memory is not stored, and a machine without memory kills tasks.
 */
const MEMORY_MARGIN = 0.5;
/** Results after which the margin no longer falls: a tenth remains. */
const MOST_RESULTS = 25;
/** Of tasks that only share a target: nine of ten need at most this much memory. */
const MEMORY_QUANTILE = 0.9;
/** Decimals of cores: the journal stores them for every task. */
const CPU_SCALE = 100;

const needOf = ({ cpuMs, peakBytes, logMs, count }: DurationEntry): Need => ({
  cpus: cpuMs === null ? null : Math.round((CPU_SCALE * cpuMs) / Math.exp(logMs)) / CPU_SCALE,
  memoryBytes:
    peakBytes === null
      ? null
      : Math.round(peakBytes * (1 + MEMORY_MARGIN / Math.sqrt(Math.min(count, MOST_RESULTS)))),
});

const measured = (values: readonly (number | null)[]): number[] =>
  values.filter((value) => value !== null).sort((a, b) => a - b);

/** Of several entries of one task, the highest: agents differ, and what does not fit is killed. */
export function highestNeed(entries: readonly DurationEntry[]): Need {
  const needs = entries.map(needOf);
  const cpus = measured(needs.map((need) => need.cpus));
  const memory = measured(needs.map((need) => need.memoryBytes));
  return { cpus: cpus.at(-1) ?? null, memoryBytes: memory.at(-1) ?? null };
}

/** Of other tasks with the same target: the median of the processor time, and a high quantile of the memory. */
export function usualNeed(entries: readonly DurationEntry[]): Need {
  const needs = entries.map(needOf);
  const cpus = measured(needs.map((need) => need.cpus));
  const memory = measured(needs.map((need) => need.memoryBytes));
  return {
    cpus: cpus[(cpus.length - 1) >> 1] ?? null,
    memoryBytes: memory[Math.ceil(MEMORY_QUANTILE * memory.length) - 1] ?? null,
  };
}
