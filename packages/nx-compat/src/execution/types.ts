import type { NxLifeCycle, NxProjectGraph, NxTask, NxTaskResult, RawTaskGraph } from '../model/types';

/** What running one task needs, in any version. */
export interface DiscreteRun {
  /** Contains its hash. */
  task: NxTask;
  projectGraph: NxProjectGraph;
  /** The task and all its dependencies, in this version's shape of edges. */
  taskGraph: RawTaskGraph;
  /** nx.json without the runner: an executor runs tasks itself. */
  nxJson: Record<string, unknown>;
  hasher: unknown;
  lifeCycle: NxLifeCycle;
}

/**
 * Resolves when the task has ended and its result is stored. The result in the life cycle has code 0 or 1 on all
 * versions; from 21 on, the returned one has the process's own code. 20 returns nothing.
 */
export type RunDiscrete = (run: DiscreteRun) => Promise<NxTaskResult | undefined>;
