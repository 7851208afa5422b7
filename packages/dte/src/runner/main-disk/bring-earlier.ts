import { nxOutputs } from '@org/dte-agent';
import type { NxProjectGraph, TaskGraph } from '@org/dte-nx-compat';
import { dataDirOf } from '../../embedded/ensure';
import { readOutputIndexes } from '../../outputs/output-index';
import { toNxTask } from '../../outputs/absent-task';
import { taskOf } from '../plan';
import type { Prepared } from '../prepare';
import { createRestorer } from '../restore';
import type { Made } from './made-record';
import { projectsBelow } from './projects-below';

export interface BringEarlierInput {
  readonly prepared: Prepared;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  /** Tasks that are about to run here. */
  readonly taskIds: readonly string[];
  /** Outputs that earlier commands have left elsewhere. */
  readonly made: readonly Made[];
}

/**
 * Puts outputs in place that an earlier command of this job has not downloaded, of the projects that the tasks' own depend on.
 * Those of tasks in the graph are none of ours: they are brought as dependencies.
 * @throws DteError when they cannot be had
 */
export async function bringEarlier(input: BringEarlierInput): Promise<void> {
  const { prepared, graph, projectGraph, taskIds, made } = input;
  const { workspaceRoot, session, cache, resolved } = prepared;
  const projects = new Set(
    taskIds.flatMap((id) => projectsBelow(projectGraph, taskOf(graph, id).target.project)),
  );
  const indexes = await readOutputIndexes(dataDirOf(resolved, workspaceRoot));
  for (const { taskId, absentIn } of made) {
    const index = indexes.find(({ runId, sessionId }) => runId === absentIn && sessionId === session.id);
    const absent = index?.tasks.find(({ id }) => id === taskId);
    if (index === undefined || absent === undefined || graph.tasks[taskId] !== undefined) continue;
    if (!projects.has(absent.target.project)) continue;
    const { limits } = resolved;
    const outputs = nxOutputs(workspaceRoot);
    const { runId } = index;
    const restorer = createRestorer({ cache, http: session.http, outputs, workspaceRoot, runId, limits });
    await restorer.restore(toNxTask(absent), absent.artifact);
  }
}
