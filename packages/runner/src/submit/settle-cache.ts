import { packAttempt, summariseOutputs, type HttpClient, type OutputsPort } from '@org/dte-client';
import {
  cachesFailures,
  type CacheEntry,
  type NxTask,
  type TaskCache,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { isStorableHash, type Artifact, type CacheOrigin, type LimitValues } from '@org/dte-protocol';
import type { SharingOf } from '../shared-cache/cache-trust';
import type { Rebuilds } from '../shared-cache/rebuilds';
import { inParallel } from '../tasks/in-parallel';
import type { LateHashes } from './late-hashes';
import { taskOf } from '../tasks/plan';

/** A task that need not run because some cache has its result. */
export interface Hit {
  readonly taskId: string;
  /** Where agents find its outputs. `none` if no pending task needs them, so they were not sent anywhere. */
  readonly artifact: Artifact;
  /** The outputs are in this machine's cache: restoring them needs no download. */
  readonly local: boolean;
  /** Set if it was downloaded from a remote cache earlier: that is its source, although it is local now. */
  readonly from?: 'remote';
  /** It is a failure that Nx replays (NX_CACHE_FAILURES). */
  readonly failed: boolean;
  /** Set if another pipeline has made it. */
  readonly origin?: CacheOrigin;
}

export interface SettleOptions {
  readonly graph: TaskGraph;
  readonly pending: readonly string[];
  /** Task id -> name of its batch. */
  readonly batches: ReadonlyMap<string, string>;
  readonly cache: TaskCache;
  readonly http: Pick<HttpClient, 'askHeld' | 'putAttempt'>;
  readonly outputs: OutputsPort;
  readonly workspaceRoot: string;
  readonly runId: string;
  readonly limits: LimitValues;
  /** --skip-nx-cache: nothing is a hit. */
  readonly skipNxCache: boolean;
  /** Runs code that restores the outputs of a task and reads them, coordinated with others that write there too. */
  readonly inTurn: <T>(task: NxTask, work: () => Promise<T>) => Promise<T>;
  /** Tasks without a hash. */
  readonly late: LateHashes;
  /** --skip-remote-cache: only this machine's cache is queried. */
  readonly skipRemoteCache: boolean;
  /** For a task with a value, only what this pipeline has made is a hit. */
  readonly sharingOf: SharingOf;
  /** Hits of other pipelines that are made again: they are none. */
  readonly rebuilds: Pick<Rebuilds, 'chooses'>;
}

interface Found {
  readonly task: NxTask;
  readonly hash: string;
  /** Set if the local cache has it. */
  readonly entry: CacheEntry | null;
  /** Set if the coordinator has it. */
  readonly held: boolean;
  /** Of what the coordinator has; null: this pipeline has made it, or the coordinator has nothing. */
  readonly origin: CacheOrigin | null;
  /** Set if it is on this machine now: in its cache, or just downloaded from the organisation's. */
  readonly local: boolean;
  /** Set if its cache had it before the command. */
  readonly wasLocal: boolean;
}

interface Candidate {
  readonly task: NxTask;
  readonly hash: string;
}

/** Tasks that a cache may have, with the hash to query. */
function candidatesOf({ graph, pending }: SettleOptions): Candidate[] {
  return pending.flatMap((id) => {
    const task = taskOf(graph, id);
    const { hash, cache } = task;
    return cache === true && hash !== undefined && isStorableHash(hash) ? [{ task, hash }] : [];
  });
}

/** Tasks that were just hashed. All other code sees them without a hash until a cache is known to have them. */
const lateCandidatesOf = ({ graph }: SettleOptions, hashes: ReadonlyMap<string, string>): Candidate[] =>
  [...hashes]
    .filter(([, hash]) => isStorableHash(hash))
    .map(([id, hash]) => ({ task: { ...taskOf(graph, id), hash }, hash }));

/** Everything that caches have: first tasks that Nx has hashed, then those that can be hashed because of them, and so on. */
async function findAll(options: SettleOptions): Promise<Map<string, Found>> {
  const all = new Map<string, Found>();
  for (
    let candidates = candidatesOf(options), isFirst = true;
    isFirst || candidates.length > 0;
    isFirst = false
  ) {
    for (const found of await findHits(options, candidates)) all.set(found.task.id, found);
    leaveToBatches(options, all);
    const settled = new Map(
      [...all].map(([id, { entry, local }]) => [id, { local, failed: entry !== null && entry.code !== 0 }]),
    );
    candidates = lateCandidatesOf(options, await options.late.next(settled));
  }
  return all;
}

/** What local caches and the coordinator have of these tasks, as far as they may be used. */
async function lookUp(options: SettleOptions, candidates: readonly Candidate[]): Promise<Found[]> {
  const { cache, http, skipRemoteCache, sharingOf } = options;
  // Leaves out tasks that must not use it.
  const local = await cache.lookupLocal(candidates.map(({ task }) => task));
  const held = await http.askHeld([...new Set(candidates.map(({ hash }) => hash))]);
  return candidates.map(({ task, hash }) => {
    const origin = held.get(hash) ?? null;
    const isUsable = origin === null || (!skipRemoteCache && sharingOf(task.id) === undefined);
    return {
      task,
      hash,
      entry: local.get(task.id) ?? null,
      held: held.has(hash) && isUsable,
      origin: isUsable ? origin : null,
      local: local.has(task.id),
      wasLocal: local.has(task.id),
    };
  });
}

/** Only what would be used is compared: a result on this machine's disk is not another pipeline's, as far as anyone knows. */
async function withoutRebuilds(options: SettleOptions, looked: readonly Found[]): Promise<Found[]> {
  const { cache, rebuilds, limits } = options;
  // Of a failure in the cache, nothing can be said to be another's work.
  if (cache.remoteKind !== 'ours' || cachesFailures()) return [...looked];
  return inParallel(looked, limits.restoreConcurrency, async (found) => {
    const { task, hash, held, origin } = found;
    const isOthers = found.entry === null && held && origin !== null;
    const isChosen = isOthers && (await rebuilds.chooses({ taskId: task.id, hash, origin }));
    return isChosen ? { ...found, held: false, origin: null } : found;
  });
}

async function findHits(options: SettleOptions, candidates: readonly Candidate[]): Promise<Found[]> {
  const { cache, limits } = options;
  const looked = await withoutRebuilds(options, await lookUp(options, candidates));
  const mayTake = cache.remoteKind === 'ours' && !options.skipRemoteCache;
  // The entry may be a failure, which must be known before any of its dependents may start.
  const mayBeFailures = cachesFailures();
  const isHit = ({ entry, held }: Found): boolean => entry !== null || (held && mayTake && !mayBeFailures);
  const found = looked.filter(isHit);
  const asksOther = cache.remoteKind === 'other' && !options.skipRemoteCache;
  if (!asksOther && !mayBeFailures) return found;
  // The organisation's own remote cache has no batch query; Nx would also query it task by task.
  const missing = looked.filter(
    (candidate) => !isHit(candidate) && (asksOther || (candidate.held && mayTake)),
  );
  const fetched = await inParallel(missing, limits.restoreConcurrency, async (candidate) => {
    const { task, held } = candidate;
    const result = await cache.fetch(task);
    const hit = (result.kind === 'local' || result.kind === 'remote') && cache.replays(result.entry.code);
    return hit ? { ...candidate, entry: result.entry, held: held && mayTake, local: true } : null;
  });
  return [...found, ...fetched.filter((hit) => hit !== null)];
}

/** Makes the outputs of a hit available to agents; null if that fails: then an agent must run the task. */
async function share(options: SettleOptions, { task, hash, entry, held }: Found): Promise<Artifact | null> {
  const { cache, http } = options;
  if (held) return { kind: 'cache', hash };
  if (entry === null) return null;
  const stored = await cache.uploadFromLocal(task, entry);
  // "Declined" is also the answer for an existing artifact; the query distinguishes it from a rejection.
  if (stored.kind === 'stored') return { kind: 'cache', hash };
  if (stored.kind === 'declined' && (await http.askHeld([hash])).get(hash) === null)
    return { kind: 'cache', hash };
  return options.inTurn(task, () => sendAttempt(options, { task, hash }, entry));
}

/** As an archive, from this disk: for outputs that a remote cache cannot carry. */
async function sendAttempt(
  { cache, http, runId, workspaceRoot, outputs, limits }: SettleOptions,
  { task, hash }: Candidate,
  entry: CacheEntry,
): Promise<Artifact | null> {
  const onDisk = await cache.fetch(task);
  if (onDisk.kind !== 'local' && onDisk.kind !== 'remote') return null;
  const meta = { taskId: task.id, hash, code: entry.code, status: 'success' as const };
  const archive = () =>
    packAttempt({
      workspaceRoot,
      outputs: task.outputs,
      port: outputs,
      meta,
      terminalOutput: entry.terminalOutput,
      limits,
    });
  const made = await summariseOutputs(outputs, task.id, task.outputs);
  await http.putAttempt({ runId, taskId: task.id, attempt: 0 }, archive);
  return { kind: 'attempt', attempt: 0, outputs: made };
}

/** A result that was on this machine already is nobody else's, as far as anyone knows. */
const originOf = ({ origin, wasLocal }: Found): Pick<Hit, 'origin'> | null =>
  origin === null || wasLocal ? null : { origin };

/** All direct and indirect dependencies of these tasks, and of servers that they need. */
function dependenciesOf(graph: TaskGraph, ids: readonly string[]): Set<string> {
  const needed = new Set<string>();
  const queue = [...ids];
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const { id: dependency } of [
      ...(graph.dependencies[id] ?? []),
      ...(graph.continuousDependencies[id] ?? []),
    ]) {
      if (needed.has(dependency)) continue;
      needed.add(dependency);
      queue.push(dependency);
    }
  }
  return needed;
}

/**
 * If a task of a batch depends on another task that is not done yet, it is left to its batch, which finds it in the
 * cache: the outputs below it are not available yet, and nothing is settled above a task that is not.
 */
function leaveToBatches({ graph, batches, pending }: SettleOptions, found: Map<string, Found>): void {
  const toBeMade = new Set(pending);
  const members = [...found.keys()].filter((id) => batches.has(id));
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const id of members) {
      const needed = graph.dependencies[id] ?? [];
      if (needed.some((other) => toBeMade.has(other.id) && !found.has(other.id))) found.delete(id);
    }
  }
}

/**
 * Finds the tasks whose results a cache has, with one request to the coordinator, and sends those that agents will need
 * (dependencies of tasks that still have to run) to where agents can reach them.
 */
export async function settleFromCache(options: SettleOptions): Promise<Hit[]> {
  if (options.skipNxCache) return [];
  const found = await findAll(options);
  const needed = dependenciesOf(
    options.graph,
    options.pending.filter((id) => !found.has(id)),
  );
  const hits = await inParallel([...found.values()], options.limits.restoreConcurrency, async (hit) => {
    const none: Artifact = { kind: 'none' };
    const artifact = needed.has(hit.task.id) ? await share(options, hit).catch(() => null) : none;
    const failed = hit.entry !== null && hit.entry.code !== 0;
    if (artifact === null) return null;
    return {
      taskId: hit.task.id,
      artifact,
      local: hit.local,
      failed,
      ...(originOf(hit) ?? {}),
    };
  });
  const settled = hits.filter((hit) => hit !== null);
  // Every task that is not settled runs, and is hashed by the agent or job that runs it.
  for (const { taskId } of settled) {
    const hash = found.get(taskId)?.hash;
    if (hash !== undefined) taskOf(options.graph, taskId).hash ??= hash;
  }
  return settled;
}
