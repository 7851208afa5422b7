import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph, NxTask } from '../model/types';

type TaskEnv = (task: NxTask, projectGraph: NxProjectGraph, ...rest: unknown[]) => NodeJS.ProcessEnv;

/**
 * Hides variables from the tasks that Nx runs in this process until it is released. They must be removed from
 * `process.env` already. From 22 on, that is not enough: Nx creates the environment of a task when it hashes it, before
 * any runner is called, and uses it when the task runs.
 * @returns releases
 */
export function hideFromTasks(names: readonly string[]): () => void {
  const module = resolveNx().load<{ getTaskSpecificEnv: TaskEnv }>('src/tasks-runner/task-env');
  const { getTaskSpecificEnv } = module;
  module.getTaskSpecificEnv = (...args) => {
    const env = getTaskSpecificEnv(...args);
    if (!names.some((name) => env[name] !== undefined)) return env;
    return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
  };
  return () => {
    module.getTaskSpecificEnv = getTaskSpecificEnv;
  };
}
