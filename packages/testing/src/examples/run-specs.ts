import type { RunSpec, TaskSpec } from '@org/dte-protocol';

/** The fields that a test sets; the rest is filled in. */
export type TaskOptions = Partial<
  Pick<
    TaskSpec,
    | 'hash'
    | 'cacheable'
    | 'parallelism'
    | 'weight'
    | 'weightFrom'
    | 'initial'
    | 'continuousDependencies'
    | 'retries'
    | 'flakiness'
    | 'secondStart'
    | 'placement'
    | 'batch'
  >
>;

/** A task of a run: `project:target`, its dependencies' ids, and its special fields. */
export function taskSpec(
  id: string,
  dependencies: readonly string[] = [],
  options: TaskOptions = {},
): TaskSpec {
  const [project = id, target = 'build'] = id.split(':');
  return {
    id,
    nxTask: { id, target: { project, target }, overrides: { __overrides_unparsed__: [] }, outputs: [] },
    hash: `hash-${id.replace(/[^A-Za-z0-9]/g, '-')}`,
    cacheable: true,
    parallelism: true,
    dependencies: dependencies.map((dependency) => ({ id: dependency })),
    continuousDependencies: [],
    weight: 1,
    initial: { state: 'pending' },
    ...options,
  };
}

/** A run of these tasks, `nx run-many -t build --parallel=2` unless overridden. */
export const runSpec = (
  runId: string,
  tasks: TaskSpec[],
  options: Partial<Omit<RunSpec, 'runId' | 'tasks'>> = {},
): RunSpec => ({
  runId,
  command: 'nx run-many -t build',
  requestedTargets: ['build'],
  parallel: 2,
  nxBail: false,
  skipNxCache: false,
  verbose: false,
  streamOutput: false,
  env: {},
  ...options,
  tasks,
});
