import { nxOutputs } from '@org/dte-client';
import { type LateHasher, type NxTask, nxTaskTimings, type TaskGraph } from '@org/dte-nx-compat';
import type { Artifact, RunSpec } from '@org/dte-protocol';
import { placeTasks } from '../assignment/placements';
import { durationEstimator } from '../durations/estimator';
import type { OutputsHere } from '../outputs/outputs-here';
import type { Command } from '../prepare/command-of';
import type { Prepared } from '../prepare/prepare';
import type { Explainer } from '../report/explainer';
import type { SharedResults } from '../shared-cache/shared-results';
import { taskOf, type Plan } from '../tasks/plan';
import { buildRunSpec, commandEnv } from './build-run-spec';
import { withoutBlocked, type Remaining } from './cached-failures';
import { forwardEnv } from './forward-env';
import { createLateHashes, type LateHashes } from './late-hashes';
import { settleFromCache, type Hit } from './settle-cache';

/** What is known of a command before any of it is submitted. */
export interface CommandToSubmit {
  readonly prepared: Prepared;
  readonly runId: string;
  readonly command: Command;
  readonly graph: TaskGraph;
  readonly plan: Plan;
  /** Task id -> name of its batch. */
  readonly batches: ReadonlyMap<string, string>;
  readonly hasher: LateHasher;
  /** Names of the variables whose values are sent to the agents. */
  readonly forwardedEnv: readonly string[];
  /** What the command may take from other pipelines. */
  readonly shared: Pick<SharedResults, 'sharingOf' | 'rebuilds'>;
}

export interface SubmitOptions extends CommandToSubmit {
  readonly outputs: OutputsHere;
  readonly explainer: Explainer;
}

export interface Submitted extends Remaining {
  /** Task id -> how long it is expected to run, in ms; without those of which nothing is known. */
  readonly expectedMs: ReadonlyMap<string, number>;
  /** Ends the forwarding of variables. */
  readonly stopForwarding: () => void;
}

/**
 * Settles cache hits, and submits the rest of the command to the coordinator.
 * @throws DteError if the coordinator rejects it
 */
export async function submitRun(options: SubmitOptions): Promise<Submitted> {
  const { prepared, graph, plan, command } = options;
  const { http } = prepared.session;
  const hits = await hitsOf(options);
  const remaining = withoutBlocked(graph, plan, hits, command.nxBail);
  const spec = specOf(options, remaining, await nxTimings(options, remaining));
  const { expectedMs = [] } = await http.submitRun(spec);
  const expected = spec.tasks.flatMap(({ id }, index): [string, number][] => {
    const ms = expectedMs[index] ?? null;
    return ms === null ? [] : [[id, ms]];
  });
  const stopForwarding = await forwarding(options);
  return { plan: remaining.plan, hits: remaining.hits, expectedMs: new Map(expected), stopForwarding };
}

function forwarding({ prepared, runId, forwardedEnv, explainer }: SubmitOptions): Promise<() => void> {
  const { http, connection } = prepared.session;
  return forwardEnv({
    connection,
    http,
    runId,
    names: forwardedEnv,
    env: process.env,
    onTrouble: (error) => explainer.explain(error),
  });
}

/**
 * Submits a run with one task that has to run; everything that it needs is with the coordinator.
 * @returns ends the forwarding of variables
 */
export async function submitAgain(
  options: SubmitOptions,
  { task, needs }: { readonly task: NxTask; readonly needs: readonly NxTask[] },
): Promise<() => void> {
  const { prepared, plan, runId } = options;
  const { http } = prepared.session;
  const artifactOf = ({ id, hash = '' }: NxTask): Artifact =>
    plan.noop.includes(id) ? { kind: 'none' } : { kind: 'cache', hash };
  const hits = needs.map((need): Hit => ({
    taskId: need.id,
    artifact: artifactOf(need),
    local: false,
    failed: false,
  }));
  const pending = [...needs.map(({ id }) => id), task.id];
  const alone: Plan = { pending, noop: [], servers: [], afterwards: [] };
  const spec = specOf({ ...options, batches: new Map() }, { plan: alone, hits }, new Map());
  // Agents are released after the run of the command, and not because of this one.
  await http.submitRun({ ...spec, requestedTargets: [] });
  return forwarding({ ...options, runId });
}

async function hitsOf(options: SubmitOptions): Promise<Hit[]> {
  const { prepared, graph, plan, batches, runId, command, outputs, shared } = options;
  const { workspaceRoot, cache, session, resolved } = prepared;
  /** Downloaded from a remote cache for the hash of another task. */
  const fetchedBefore = new Set<string>();
  const found = await settleFromCache({
    graph,
    pending: plan.pending,
    batches,
    cache,
    http: session.http,
    outputs: nxOutputs(workspaceRoot),
    workspaceRoot,
    runId,
    limits: resolved.limits,
    skipNxCache: command.skipNxCache,
    skipRemoteCache: command.skipRemoteCache,
    inTurn: (task, work) => outputs.inTurn(task, work),
    late: lateHashes(options, fetchedBefore),
    sharingOf: shared.sharingOf,
    rebuilds: shared.rebuilds,
  });
  return found.map((hit) => (fetchedBefore.has(hit.taskId) ? { ...hit, from: 'remote' as const } : hit));
}

function lateHashes(
  { graph, plan, batches, hasher, prepared, outputs }: SubmitOptions,
  fetchedBefore: Set<string>,
): LateHashes {
  const { cache, resolved } = prepared;
  const fetch = async (task: NxTask): Promise<boolean> => {
    const { kind } = await cache.fetch(task);
    if (kind === 'remote') fetchedBefore.add(task.id);
    return kind === 'local' || kind === 'remote';
  };
  return createLateHashes({
    graph,
    plan,
    batches,
    hasher,
    concurrency: resolved.limits.restoreConcurrency,
    isLeft: (task) => outputs.isLeft(task),
    bring: (task) => outputs.inOrder(task, () => fetch(task)),
  });
}

/** What Nx knows of the tasks that have to run. */
function nxTimings(
  { graph, prepared }: SubmitOptions,
  { plan, hits }: Remaining,
): Promise<ReadonlyMap<string, number>> {
  const settled = new Set(hits.map(({ taskId }) => taskId));
  const open = plan.pending.filter((id) => !settled.has(id)).map((id) => taskOf(graph, id));
  return nxTaskTimings(prepared.workspaceRoot, open);
}

function specOf(options: SubmitOptions, { plan, hits }: Remaining, nx: ReadonlyMap<string, number>): RunSpec {
  const { prepared, graph, batches, runId, command, forwardedEnv, outputs, shared } = options;
  const { config, limits } = prepared.resolved;
  const tasks = plan.pending.map((id) => taskOf(graph, id));
  return buildRunSpec({
    runId,
    command: command.text,
    requestedTargets: command.requestedTargets,
    graph,
    plan,
    batches,
    hits,
    parallel: command.parallel,
    nxBail: command.nxBail,
    skipNxCache: command.skipNxCache,
    verbose: command.verbose,
    streamOutput: tasks.some((task) => command.streams(task)),
    env: commandEnv(process.env, forwardedEnv),
    forwardedEnv,
    onHashMismatch: config.onHashMismatch,
    estimator: durationEstimator({ weights: config.weights, nx }),
    placing: placeTasks(prepared.assignment, tasks),
    placementWaitMs: limits.agentWaitMs,
    taskTimeoutMs: config.taskTimeoutMs,
    isLeft: (task) => outputs.isLeft(task),
    // As in plain Nx, nothing is read from a remote cache, nor written for others.
    sharingOf: (taskId) => shared.sharingOf(taskId) ?? (command.skipRemoteCache ? 'never' : undefined),
    retries: config.retries,
    retryFlaky: config.retryFlaky,
    secondStart: config.secondStart,
  });
}
