import { type ClosureEntry, LIMITS, type MainSync, type Reason, type TaskSpec } from '@org/dte-protocol';
import { slotMsOf } from './alone';
import { batchesOf } from './batches';
import { enterChain } from './chains';
import { addDeadline } from './deadlines';
import type { EffectsBuilder } from './effects-builder';
import { buildGraph } from './graph';
import { releaseHold } from './free-agents';
import type { Input } from './interface';
import type { RunGraph } from './indexes';
import { createLanes, laneIndex } from './lanes';
import { createPlacements } from './placements';
import { acknowledge, createLog, isStuck, rewind } from './run-log';
import { endRun, reopenSession, updateDefaultSlots } from './session';
import type { RunState, SchedulerState, TaskRecord } from './state';
import { endAll, endTask, endingWithout, makeBatchesReady, makeReady } from './tasks';
import { retryStateOf } from './retries';
import { mayStartTwice } from './rivals';
import { at, runOf } from './lookup';

const EMPTY_GRAPH: RunGraph = {
  ids: [],
  indexOf: new Map(),
  dependencies: [],
  dependants: [],
  priority: [],
  rankMs: [],
  weightMs: [],
  needs: [],
  expectedMs: [],
  chainOf: [],
};

type Submission = Extract<Input, { type: 'run.submit' }>;

export function submitRun(state: SchedulerState, submission: Submission, out: EffectsBuilder): void {
  if (state.runs.has(submission.spec.runId)) return;
  const run = createRun(state, submission);
  for (const index of run.tasks.keys()) enterChain(run, index);
  state.release.submittedAtMs = state.nowMs;
  state.runs.set(run.runId, run);
  state.openRuns.add(run.runId);
  out.event({ type: 'run.submitted', runId: run.runId, tasks: run.total });
  awaitMain(state, run);
  updateDefaultSlots(state, out);
  state.agentsChanged = true;
  if (state.session.phase === 'finished' && state.usable.agents > 0) reopenSession(state, out);
  beginTasks(state, run, out);
  const { stop } = state.session;
  // Agents that connect now are released: agents will never do this work.
  if (run.phase === 'running' && stop !== null) endAll(state, run, endingWithout('returned', stop), out);
}

function createRun(
  state: SchedulerState,
  { spec, flaky: known = [], learntMs, lateMs = [], needs }: Submission,
): RunState {
  const graph = buildGraph(spec, learntMs, needs);
  const flaky = new Set(known);
  const { placements = [] } = spec;
  const { batchOf, batches } = batchesOf(spec);
  // Tasks of one batch do not wait for each other.
  const waitedFor = (index: number): number => {
    const batch = at(batchOf, index);
    const dependencies = at(graph.dependencies, index);
    return dependencies.filter((other) => batch === null || at(batchOf, other) !== batch).length;
  };
  return {
    runId: spec.runId,
    command: spec.command,
    requestedTargets: spec.requestedTargets,
    parallel: spec.parallel,
    nxBail: spec.nxBail,
    onHashMismatch: spec.onHashMismatch ?? 'fail',
    streamOutput: spec.streamOutput,
    total: spec.tasks.filter(({ initial }) => initial.state === 'pending' || initial.state === 'noop').length,
    phase: 'running',
    closed: false,
    bailed: false,
    followed: false,
    unfollowedAtMs: state.nowMs,
    done: 0,
    failed: 0,
    graph,
    tasks: spec.tasks.map((task, index) =>
      createTask(
        task,
        {
          batch: at(batchOf, index),
          openDependencies: waitedFor(index),
          lateMs: mayStartTwice(task) ? (lateMs[index] ?? null) : null,
        },
        flaky,
      ),
    ),
    lanes: createLanes(placements.length),
    placements: createPlacements(state, placements),
    placementWaitMs: spec.placementWaitMs ?? LIMITS.agentWaitMs.value,
    batches,
    gatheredBatches: [],
    leases: new Map(),
    rivals: new Map(),
    late: new Set(),
    mayBeLate: spec.tasks.some((task, index) => mayStartTwice(task) && (lateMs[index] ?? null) !== null),
    slotsUsed: 0,
    ahead: 0,
    waitingMs: spec.tasks.reduce((sum, _, index) => sum + slotMsOf(spec, graph, index), 0),
    log: createLog(),
  };
}

const createTask = (
  spec: TaskSpec,
  { batch, openDependencies, lateMs }: Pick<TaskRecord, 'batch' | 'lateMs'> & { openDependencies: number },
  flaky: ReadonlySet<string>,
): TaskRecord => ({
  kind: spec.initial.state,
  parallelism: spec.parallelism,
  lane: laneIndex(spec.placement ?? null, !spec.parallelism),
  hash: spec.hash,
  batch,
  state: { name: 'waiting', openDependencies, dependencyReturned: false },
  attempt: 0,
  lateMs,
  lost: 0,
  lostOn: [],
  recalls: 0,
  retry: retryStateOf(spec, flaky),
  madeOn: null,
  outputs: suppliedOutputs(spec),
});

/** The artifact that the main job supplied for a task it settled itself. */
function suppliedOutputs({ id, hash, initial }: TaskSpec): ClosureEntry | null {
  if (initial.state !== 'done' || initial.artifact.kind === 'none') return null;
  return { taskId: id, hash, artifact: initial.artifact };
}

function beginTasks(state: SchedulerState, run: RunState, out: EffectsBuilder): void {
  for (const [index, task] of run.tasks.entries()) {
    if (task.state.name !== 'waiting' || task.state.openDependencies > 0) continue;
    if (task.kind === 'pending') makeReady(state, run, index);
    else endTask({ state, run, out }, index, endingWithout('success'));
  }
  makeBatchesReady(state, run);
  if (run.done === run.total) endRun(state, run, 'finished', out);
}

export function mainSynced(state: SchedulerState, sync: MainSync, out: EffectsBuilder): void {
  const run = state.runs.get(sync.runId);
  if (run === undefined) return;
  const isBack = !run.followed;
  run.followed = true;
  const stuck = isStuck(state, run.log, sync.ackSeq);
  acknowledge(run.log, sync.ackSeq);
  if (isBack || stuck) rewind(state, run.log);
  if (sync.want === 'cancel') cancelRun(state, run, CANCELLED, out);
  if (sync.want === 'close') closeRun(state, run, out);
  out.answerRun(run.runId);
}

const CANCELLED: Reason = { code: 'DTE_CANCELLED', message: 'The main job cancelled the run.' };
const CLOSED: Reason = { code: 'DTE_CANCELLED', message: 'The command ended before the task.' };
const MAIN_LOST: Reason = {
  code: 'DTE_CANCELLED',
  message: 'The main job was disconnected for too long (DTE_MAIN_LOST_MS).',
};

function cancelRun(state: SchedulerState, run: RunState, reason: Reason, out: EffectsBuilder): void {
  if (run.phase === 'running') endAll(state, run, endingWithout('cancelled', reason), out);
}

/** The command has ended: only its line in the session's status remains. */
function closeRun(state: SchedulerState, run: RunState, out: EffectsBuilder): void {
  if (run.closed) return;
  cancelRun(state, run, CLOSED, out);
  run.closed = true;
  run.graph = EMPTY_GRAPH;
  run.tasks = [];
  run.batches = [];
  for (const lane of run.lanes) releaseHold(state, lane);
  run.lanes = [];
  run.placements = [];
  run.log.baseSeq += run.log.entries.length;
  run.log.entries = [];
  run.log.ackSeq = run.log.baseSeq;
  run.log.sentSeq = run.log.baseSeq;
  out.event({ type: 'run.closed', runId: run.runId });
}

export function mainDisconnected(state: SchedulerState, runId: string): void {
  const run = state.runs.get(runId);
  if (run?.followed !== true) return;
  run.followed = false;
  awaitMain(state, run);
}

/** A run that nobody follows is cancelled after a while. This includes new runs: the main job may crash before it follows. */
export function awaitMain(state: SchedulerState, run: RunState): void {
  run.unfollowedAtMs = state.nowMs;
  const { runId, unfollowedAtMs: sinceMs } = run;
  addDeadline(state, state.nowMs + state.config.mainLostMs, { kind: 'main-lost', runId, sinceMs });
}

export function mainLost(state: SchedulerState, runId: string, out: EffectsBuilder): void {
  cancelRun(state, runOf(state, runId), MAIN_LOST, out);
}
