import type { TaskSpec } from '@org/dte-protocol';
import { runSpec } from './run-specs';

export interface TaskShape extends Partial<TaskSpec> {
  readonly dependsOn?: readonly string[];
}

/** A task of a run with everything in it that nobody asks about. */
export function exampleTask(id: string, { dependsOn = [], ...overrides }: TaskShape = {}): TaskSpec {
  const [project = id, target = 'build'] = id.split(':');
  return {
    id,
    nxTask: { id, target: { project, target }, overrides: { __overrides_unparsed__: [] }, outputs: [] },
    hash: `hash-${project.replace(/[^A-Za-z0-9]/g, '-')}-${target}`,
    cacheable: true,
    parallelism: true,
    dependencies: dependsOn.map((each) => ({ id: each })),
    continuousDependencies: [],
    weight: 1,
    initial: { state: 'pending' },
    ...overrides,
  };
}

/** A run of `nx run-many -t build`. */
export const exampleRun = runSpec;
