import { readFile } from 'node:fs/promises';
import { type TaskGraph } from '@org/dte-nx-compat';
import { type ClosureEntry, type RunSpec, type TaskSpec, DteError } from '@org/dte-protocol';
import { nxTaskOf } from './nx-task';

/** A run, indexed once. */
export interface Run {
  readonly spec: RunSpec;
  readonly tasks: ReadonlyMap<string, TaskSpec>;
}

/** Parsed runs that an executor caches: several nx commands of a main job alternate. Not configurable: a run that was evicted is read again. */
const KEPT_RUNS = 8;

/** Reads and parses the spec of a run once per executor. */
export class RunCache {
  private readonly runs = new Map<string, Run>();

  /** @throws DteError DTE_MALFORMED_MESSAGE */
  async get(runId: string, specFile: string): Promise<Run> {
    const known = this.runs.get(runId);
    if (known !== undefined) return known;
    const run = parseRun(await readFile(specFile, 'utf8'));
    this.runs.set(runId, run);
    const [oldest] = this.runs.keys();
    if (oldest !== undefined && this.runs.size > KEPT_RUNS) this.runs.delete(oldest);
    return run;
  }
}

/**
 * The coordinator has validated the spec on submission and stores it unchanged. Validating it again would cost each
 * executor more than its first task (seconds with 100,000 tasks).
 */
function parseRun(text: string): Run {
  try {
    const spec = JSON.parse(text) as RunSpec;
    return { spec, tasks: new Map(spec.tasks.map((task) => [task.id, task])) };
  } catch (cause) {
    throw new DteError('DTE_MALFORMED_MESSAGE', 'The spec of the run does not match the protocol.', {
      cause,
    });
  }
}

/**
 * The part of a run's graph that some tasks can see. Nx walks the whole graph several times per task. In a run of
 * 100,000 tasks, that would cost more than the task itself.
 * @param closure of the assignment: has the hashes of dependencies that the spec of a large run has not (`WITHOUT_HASHES`)
 */
export function graphOf(
  run: Run,
  taskIds: readonly string[],
  closure: readonly Pick<ClosureEntry, 'taskId' | 'hash'>[] = [],
): TaskGraph {
  const told = new Map(closure.map(({ taskId, hash }) => [taskId, hash]));
  const graph: TaskGraph = { roots: [], tasks: {}, dependencies: {}, continuousDependencies: {} };
  const ids = new Set(taskIds);
  // Iteration over a Set follows the order of insertion and includes additions.
  for (const id of ids) {
    const task = run.tasks.get(id);
    if (task === undefined) continue;
    const known = ({ id: other }: { id: string }) => run.tasks.has(other);
    graph.tasks[id] = nxTaskOf(task, task.hash ?? told.get(id) ?? null);
    graph.dependencies[id] = task.dependencies.filter(known);
    graph.continuousDependencies[id] = task.continuousDependencies.filter(known);
    for (const edge of [...graph.dependencies[id], ...graph.continuousDependencies[id]]) ids.add(edge.id);
    if (graph.dependencies[id].length + graph.continuousDependencies[id].length === 0) graph.roots.push(id);
  }
  return graph;
}
