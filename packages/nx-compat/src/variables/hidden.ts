import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph, NxTask } from '../model/types';

type TaskEnv = (task: NxTask, projectGraph: NxProjectGraph, ...rest: unknown[]) => NodeJS.ProcessEnv;

/**
 * Keeps variables from the tasks that Nx runs in this process until it is released. They must be out of `process.env` already:
 * from 22 on that is not enough, because Nx makes the environment of a task when it hashes it, which is before any runner
 * is called, and keeps it for the time when it runs it.
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
