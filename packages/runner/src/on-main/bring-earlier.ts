import { Aside } from '@org/dte-agent';
import { nxOutputs } from '@org/dte-client';
import { trackedByGlobs, type NxProjectGraph, type NxTask, type TaskGraph } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { dataDirOf } from '../data-folder/data-folder';
import { readOutputIndexes, type OutputIndex } from '../outputs/output-index';
import { toNxTask } from '../outputs/absent-task';
import { taskOf } from '../tasks/plan';
import type { Prepared } from '../prepare/prepare';
import { ArtifactRestorer, type Restorer } from '../outputs/restore';
import { outputsKey, type Made } from '../main-disk/made-record';
import { makeAgain } from './make-again';
import { projectsBelow } from './projects-below';

export interface BringEarlierInput {
  readonly prepared: Prepared;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  /** Tasks that will run on the main job. */
  readonly taskIds: readonly string[];
  /** Outputs that earlier commands have not restored here. */
  readonly made: readonly Made[];
  /** Outputs can no longer be downloaded: a request would only cost the time of every retry. */
  readonly coordinatorLost: boolean;
  /** May one of the tasks read the outputs of this task? Making unneeded ones again may take as long as a whole command. */
  readonly isRead: (taskId: string) => boolean;
  /** Called with the task that runs again here, and the reason. */
  readonly onRun: (taskId: string, why: DteError) => void;
}

export interface Brought {
  readonly arrived: readonly Made[];
  /** By the id of the task that has made them: why outputs are not available. */
  readonly missing: ReadonlyMap<string, DteError>;
}

/**
 * Restores outputs that an earlier command of this job has not downloaded, of the tasks' projects and their dependencies.
 * Outputs of tasks in the graph are excluded: they are restored as dependencies.
 */
export async function bringEarlier(input: BringEarlierInput): Promise<Brought> {
  const { prepared, graph, projectGraph, taskIds, made, coordinatorLost } = input;
  const { workspaceRoot, resolved } = prepared;
  const arrived: Made[] = [];
  const missing = new Map<string, DteError>();
  const projects = new Set(
    taskIds.flatMap((id) => projectsBelow(projectGraph, taskOf(graph, id).target.project)),
  );
  if (coordinatorLost) prepared.cache.disconnect();
  const indexes = await readOutputIndexes(dataDirOf(resolved, workspaceRoot));
  for (const each of made) {
    const [project = ''] = each.taskId.split(':');
    if (isOf(graph, each) || !projects.has(project)) continue;
    try {
      await beneath(workspaceRoot, each.outputs, () => bring(input, each, indexes));
      arrived.push(each);
    } catch (thrown) {
      missing.set(each.taskId, elsewhere(each.taskId, DteError.from(thrown)));
    }
  }
  return { arrived, missing };
}

/** The same task with other arguments may have other outputs. */
const isOf = (graph: TaskGraph, { taskId, outputs }: Made): boolean => {
  const task = graph.tasks[taskId];
  return task !== undefined && outputsKey(task.outputs) === outputsKey(outputs);
};

const elsewhere = (taskId: string, { message }: DteError): DteError =>
  new DteError(
    'DTE_OUTPUTS_ELSEWHERE',
    `The outputs of ${taskId}, which an earlier command did not download (restoreOutputs), are not available: ${message}`,
  );

/**
 * Files within outputs that were not restored are newer: another task of this command or of an earlier one made them. They
 * are kept, although restoring begins with deleting. Files that git tracks and only a glob matches were there before.
 */
async function beneath(
  workspaceRoot: string,
  outputs: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const { entries } = await nxOutputs(workspaceRoot).list(outputs);
  const paths = entries.map(({ path }) => path);
  const tracked = trackedByGlobs(workspaceRoot, paths, outputs);
  const later = paths.filter((path) => !tracked.has(path));
  const aside = await Aside.move(workspaceRoot, later, new Set(later));
  try {
    await work();
  } finally {
    await aside.putBack();
  }
}

async function bring(input: BringEarlierInput, made: Made, indexes: readonly OutputIndex[]): Promise<void> {
  const { prepared, coordinatorLost } = input;
  const { taskId, absentIn } = made;
  const index = indexes.find(
    ({ runId, sessionId }) => runId === absentIn && sessionId === prepared.session.id,
  );
  const absent = index?.tasks.find(({ id }) => id === taskId);
  try {
    if (prepared.alone) throw gone('this command runs without the coordinator');
    if (coordinatorLost) throw gone('the coordinator is lost');
    if (index === undefined || absent === undefined) throw gone('their location is unknown');
    await restorerOf(prepared, index.runId).restore(toNxTask(absent), absent.artifact);
  } catch (thrown) {
    const error = DteError.from(thrown, 'DTE_ARTIFACT_MISSING');
    const task = cachedTask(input, made);
    if (task === null || !input.isRead(taskId)) throw error;
    const { cache, workspaceRoot } = prepared;
    await makeAgain({ task, cache, workspaceRoot, onRun: () => input.onRun(taskId, error) });
  }
}

/** A task that can be run again any number of times; null for one that is not cached, such as a deployment. */
function cachedTask({ projectGraph }: BringEarlierInput, { taskId, outputs, hash }: Made): NxTask | null {
  const [project = '', target = ''] = taskId.split(':');
  const isCached = projectGraph.nodes[project]?.data.targets?.[target]?.['cache'] === true;
  if (!isCached || hash === null) return null;
  return { id: taskId, target: { project, target }, overrides: {}, outputs: [...outputs], cache: true, hash };
}

const gone = (why: string): DteError => new DteError('DTE_ARTIFACT_MISSING', why);

function restorerOf({ workspaceRoot, session, cache, resolved }: Prepared, runId: string): Restorer {
  const { limits } = resolved;
  const outputs = nxOutputs(workspaceRoot);
  return new ArtifactRestorer({ cache, http: session.http, outputs, workspaceRoot, runId, limits });
}
