import { isAtLeast, resolveNx, type NxInstall } from '../install/nx-install';
import type { NxProjectGraph, NxTask, RawTaskGraph } from '../model/types';
import { executorOf, Executors, projectsOf } from './executor-information';

export interface BatchPlanInput {
  projectGraph: NxProjectGraph;
  /** As Nx passed it to the runner. */
  taskGraph: RawTaskGraph;
  /** `--batch` of the command; undefined if not given. */
  batch: boolean | undefined;
  env: Readonly<Record<string, string | undefined>>;
  workspaceRoot?: string | undefined;
}

interface Batch {
  executorName: string;
  taskGraph: { tasks: Record<string, NxTask> };
}

/** The part of Nx's schedule that makes batches; the same on 20.8 to 24. */
interface Schedule {
  notScheduledTaskGraph: RawTaskGraph;
  scheduleBatches(): Promise<void>;
  nextBatch(): Batch | null;
  complete(taskIds: string[]): void;
}

/** Would tasks of any of these executors run in batches? */
function anyBatches(nx: NxInstall, { projectGraph, taskGraph }: BatchPlanInput, forced: boolean): boolean {
  const executors = new Executors(nx, projectGraph);
  const names = new Set(Object.values(taskGraph.tasks).map((task) => executorOf(task, projectGraph)));
  names.delete(undefined);
  return [...names].some((name) => {
    const { batchImplementationFactory, preferBatch } = executors.of(name ?? '');
    return batchImplementationFactory !== undefined && (forced || (nx.major >= 22 && preferBatch === true));
  });
}

/**
 * When the layers of a graph are so many, it is a chain, and of no use for batches; each costs time for the whole graph. No
 * limit: a task beyond it runs all the same, by itself.
 */
const MAX_LAYERS = 1_000;

/**
 * Decides which tasks run together in one process of their executor: the batches that Nx itself would form if all tasks
 * that can run at the same time also ended at the same time. Nx forms them during the run, from the tasks that are
 * done; agents get them beforehand. A task of a batch depends only on its batch or on earlier layers.
 * @returns task id -> name of its batch; empty if there is nothing to run in batches
 */
export async function planBatches(input: BatchPlanInput): Promise<ReadonlyMap<string, string>> {
  const { projectGraph, taskGraph, batch, env } = input;
  const batchOf = new Map<string, string>();
  const nx = resolveNx(input.workspaceRoot);
  const forced = batch === true || env['NX_BATCH_MODE'] === 'true';
  const forbidden = nx.major >= 22 && (batch === false || env['NX_BATCH_MODE'] === 'false');
  if (forbidden || (nx.major <= 21 && !forced)) return batchOf;
  if (!anyBatches(nx, input, forced)) return batchOf;
  const { TasksSchedule } = nx.load<{ TasksSchedule: new (...args: unknown[]) => Schedule }>(
    'src/tasks-runner/tasks-schedule',
  );
  const options = { batch: forced ? true : batch };
  const projects = isAtLeast(nx, [22, 7]) ? [projectsOf(nx, projectGraph)] : [];
  const schedule = new TasksSchedule(projectGraph, ...projects, taskGraph, options);
  const made = new Map<string, number>();
  for (let layer = 0; layer < MAX_LAYERS; layer++) {
    const roots = [...schedule.notScheduledTaskGraph.roots];
    await schedule.scheduleBatches();
    const ended: string[] = [];
    for (let next = schedule.nextBatch(); next !== null; next = schedule.nextBatch()) {
      const count = (made.get(next.executorName) ?? 0) + 1;
      made.set(next.executorName, count);
      const ids = Object.keys(next.taskGraph.tasks);
      for (const id of ids) batchOf.set(id, `${next.executorName} ${count}`);
      ended.push(...ids);
    }
    // A task that became a root because a batch below it was removed waits for that batch.
    ended.push(...roots.filter((id) => schedule.notScheduledTaskGraph.tasks[id] !== undefined));
    if (ended.length === 0) break;
    schedule.complete(ended);
  }
  return batchOf;
}
