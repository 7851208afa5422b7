/** What an estimator may look at. */
export interface EstimatedTask {
  readonly id: string;
  readonly project: string;
  readonly target: string;
}

/** Port: how long a task will probably take, in any unit, the same for all tasks of a run; always positive. */
export interface DurationEstimator {
  weightOf(task: EstimatedTask): number;
}

/** All tasks take the same time: upward rank becomes the length of the longest chain above a task. */
export const unitEstimator: DurationEstimator = { weightOf: () => 1 };

/**
 * Durations by `project:target`, then by `target`; `otherwise` (1) for what the table does not name and for entries
 * that are not positive numbers.
 */
export function tableEstimator(table: Readonly<Record<string, number>>, otherwise = 1): DurationEstimator {
  const known = new Map(Object.entries(table).filter(([, weight]) => weight > 0 && Number.isFinite(weight)));
  return {
    weightOf: ({ project, target }) => known.get(`${project}:${target}`) ?? known.get(target) ?? otherwise,
  };
}
