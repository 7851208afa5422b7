import { nxOutputs } from '@org/dte-client';
import type { NxProjectGraph, TaskGraph } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { dataDirOf } from '../data-folder/data-folder';
import { readOutputIndexes } from '../outputs/output-index';
import { toNxTask } from '../outputs/absent-task';
import { taskOf } from '../tasks/plan';
import type { Prepared } from '../prepare/prepare';
import { ArtifactRestorer, type Restorer } from '../outputs/restore';
import type { Made } from '../main-disk/made-record';
import { projectsBelow } from './projects-below';

export interface BringEarlierInput {
  readonly prepared: Prepared;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  /** Tasks that are about to run here. */
  readonly taskIds: readonly string[];
  /** Outputs that earlier commands have left elsewhere. */
  readonly made: readonly Made[];
  /** Nothing can be had any more: asking would only cost the time of every retry. */
  readonly coordinatorLost: boolean;
}

/**
 * Puts outputs in place that an earlier command of this job has not downloaded, of the projects that the tasks' own depend on.
 * Those of tasks in the graph are none of ours: they are brought as dependencies.
 * @returns by the id of the task that has made them, why outputs are not available
 */
export async function bringEarlier(input: BringEarlierInput): Promise<Map<string, DteError>> {
  const { prepared, graph, projectGraph, taskIds, made, coordinatorLost } = input;
  const { workspaceRoot, resolved } = prepared;
  const missing = new Map<string, DteError>();
  const projects = new Set(
    taskIds.flatMap((id) => projectsBelow(projectGraph, taskOf(graph, id).target.project)),
  );
  const indexes = await readOutputIndexes(dataDirOf(resolved, workspaceRoot));
  for (const { taskId, absentIn } of made) {
    const [project = ''] = taskId.split(':');
    if (graph.tasks[taskId] !== undefined || !projects.has(project)) continue;
    const index = indexes.find(
      ({ runId, sessionId }) => runId === absentIn && sessionId === prepared.session.id,
    );
    const absent = index?.tasks.find(({ id }) => id === taskId);
    try {
      if (coordinatorLost) throw gone(taskId, 'the coordinator is lost');
      if (index === undefined || absent === undefined) throw gone(taskId, 'their location is unknown');
      await restorerOf(prepared, index.runId).restore(toNxTask(absent), absent.artifact);
    } catch (thrown) {
      missing.set(taskId, DteError.from(thrown, 'DTE_ARTIFACT_MISSING'));
    }
  }
  return missing;
}

const gone = (taskId: string, why: string): DteError =>
  new DteError(
    'DTE_ARTIFACT_MISSING',
    `The outputs of ${taskId}, which an earlier command did not download, are not available: ${why}.`,
  );

function restorerOf({ workspaceRoot, session, cache, resolved }: Prepared, runId: string): Restorer {
  const { limits } = resolved;
  const outputs = nxOutputs(workspaceRoot);
  return new ArtifactRestorer({ cache, http: session.http, outputs, workspaceRoot, runId, limits });
}
