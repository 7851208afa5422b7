import type { NxLifeCycle, NxTaskResult } from '../model/types';

/**
 * Calls `observe` for every result that Nx is told of, whoever ran the task. A command's life cycle is a list of life cycles, on all
 * majors; ours becomes the last of them. False: this life cycle is something else, and nothing is observed.
 */
export function observeEndings(lifeCycle: NxLifeCycle, observe: (result: NxTaskResult) => void): boolean {
  const { lifeCycles } = lifeCycle;
  if (!Array.isArray(lifeCycles)) return false;
  const observer: NxLifeCycle = { endTasks: (results) => results.forEach(observe) };
  lifeCycles.push(observer);
  return true;
}
