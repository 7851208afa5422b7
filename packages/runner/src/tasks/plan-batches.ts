import { planBatches, type NxRunnerContext, type TaskGraph } from '@org/dte-nx-compat';
import type { Plan } from './plan';

/**
 * Which tasks agents run together in one process of their executor. If a task of a batch is not for agents, or needs a
 * server, there is no batch: its tasks run one by one, which every executor supports.
 */
export async function batchesFor(
  { taskGraph, projectGraph }: Pick<NxRunnerContext, 'taskGraph' | 'projectGraph'>,
  graph: TaskGraph,
  plan: Plan,
  batch: boolean | undefined,
): Promise<ReadonlyMap<string, string>> {
  // If Nx cannot find an executor, that is a problem of its task.
  const planned = await planBatches({ projectGraph, taskGraph, batch, env: process.env }).catch(
    () => new Map<string, string>(),
  );
  if (planned.size === 0) return planned;
  const pending = new Set(plan.pending);
  const fits = (id: string): boolean =>
    pending.has(id) && (graph.continuousDependencies[id] ?? []).length === 0;
  const unfit = new Set([...planned].filter(([id]) => !fits(id)).map(([, name]) => name));
  return new Map([...planned].filter(([, name]) => !unfit.has(name)));
}
