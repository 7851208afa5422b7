import { isCommandVariable, isNonParallel, type NxTask, type TaskGraph } from '@org/dte-nx-compat';
import {
  isStorableHash,
  printable,
  type NxTaskJson,
  type OnHashMismatch,
  type RunSpec,
  type TaskSpec,
} from '@org/dte-protocol';
import { byTarget } from '@org/dte-config';
import type { Placing } from '../assignment/placements';
import type { DurationEstimator } from '../durations/estimator';
import type { SharingOf } from '../shared-cache/cache-trust';
import { taskOf, type Plan } from '../tasks/plan';
import type { Hit } from './settle-cache';

type Env = Readonly<Record<string, string | undefined>>;

type Weight = Pick<TaskSpec, 'weight' | 'weightFrom'>;

function weightOf(estimator: DurationEstimator, { id, target }: NxTask): Weight {
  const { ms, from } = estimator.of({ id, ...target });
  return from === 'option' || from === 'nx' ? { weight: ms, weightFrom: from } : { weight: ms };
}

/** The variables that are part of a command; forwarded ones are sent separately (forward-env.ts). */
export function commandEnv(env: Env, forwarded: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => {
      const wanted = isCommandVariable(name) && !forwarded.includes(name);
      return value !== undefined && wanted ? [[name, value]] : [];
    }),
  );
}

export interface RunSpecInput {
  readonly runId: string;
  readonly command: string;
  readonly requestedTargets: readonly string[];
  readonly graph: TaskGraph;
  readonly plan: Plan;
  readonly hits: readonly Hit[];
  /** Task id -> name of its batch. */
  readonly batches: ReadonlyMap<string, string>;
  readonly parallel: number;
  readonly nxBail: boolean;
  readonly skipNxCache: boolean;
  readonly verbose: boolean;
  readonly streamOutput: boolean;
  readonly env: Record<string, string>;
  /** Names of the variables whose values are sent separately (forward-env.ts). */
  readonly forwardedEnv: readonly string[];
  /** `auto`: this job judges each difference itself after the task was returned. */
  readonly onHashMismatch: OnHashMismatch | 'auto';
  readonly estimator: DurationEstimator;
  readonly placing: Placing;
  /** How long a rule waits for a matching agent. */
  readonly placementWaitMs: number;
  /** Option taskTimeoutMs. */
  readonly taskTimeoutMs: Readonly<Record<string, number>>;
  /** Are this task's outputs not downloaded? */
  readonly isLeft: (task: NxTask) => boolean;
  /** What the shared cache may do for a task. */
  readonly sharingOf: SharingOf;
  /** Option retries. */
  readonly retries: Readonly<Record<string, number>>;
  /** Option retryFlaky. */
  readonly retryFlaky: boolean;
  /** Option secondStart. */
  readonly secondStart: Readonly<Record<string, boolean>>;
}

/** What Nx needs on the agent. Hash details are large, and the agent computes its own. */
function carried(task: NxTask): NxTaskJson {
  const { hashDetails: _hashDetails, startTime: _startTime, endTime: _endTime, ...rest } = task;
  return {
    ...rest,
    target: { ...task.target },
    overrides: { __overrides_unparsed__: [], ...task.overrides },
  };
}

/** A batch runs on one agent: tasks that require different kinds of agents form no batch. */
function onePlacementEach(tasks: TaskSpec[]): TaskSpec[] {
  const placements = new Map<string, TaskSpec['placement']>();
  const mixed = new Set<string>();
  for (const { batch, placement } of tasks) {
    if (batch === undefined) continue;
    if (placements.has(batch) && placements.get(batch) !== placement) mixed.add(batch);
    placements.set(batch, placement);
  }
  if (mixed.size === 0) return tasks;
  return tasks.map(({ batch, ...task }) =>
    batch === undefined || mixed.has(batch) ? task : { ...task, batch },
  );
}

/** The run as agents see it: everything except what the main job runs afterwards. */
export function buildRunSpec(input: RunSpecInput): RunSpec {
  const { graph, plan, skipNxCache, estimator, placing } = input;
  const hits = new Map(input.hits.map((hit) => [hit.taskId, hit]));
  const noop = new Set(plan.noop);
  const servers = new Set(plan.servers);
  const toSpec = (id: string): TaskSpec => {
    const task = taskOf(graph, id);
    const hit = hits.get(id);
    const batch = hit === undefined ? input.batches.get(id) : undefined;
    return {
      id,
      nxTask: carried(task),
      hash: task.hash ?? null,
      cacheable:
        task.cache === true && !skipNxCache && (task.hash === undefined || isStorableHash(task.hash)),
      parallelism: !isNonParallel(task),
      ...(input.isLeft(task) ? { terminalApart: true } : {}),
      sharing: input.sharingOf(id),
      dependencies: graph.dependencies[id] ?? [],
      continuousDependencies: (graph.continuousDependencies[id] ?? []).filter((edge) => servers.has(edge.id)),
      ...(batch === undefined ? {} : { batch }),
      ...(noop.has(id) ? { weight: 1 } : weightOf(estimator, task)),
      timeoutMs: byTarget(input.taskTimeoutMs, task.target),
      retries: byTarget(input.retries, task.target),
      // The scheduler leaves out those that it may not start twice, whatever this says.
      ...(task.cache === true && byTarget(input.secondStart, task.target) !== false
        ? { secondStart: true as const }
        : {}),
      // The hash of an uncached task does not cover enough: a deployment must not be repeated because of it.
      flakiness: task.cache === true ? (input.retryFlaky ? 'retry' : 'watch') : undefined,
      ...(hit === undefined && placing.indexOf.has(id) ? { placement: placing.indexOf.get(id) } : {}),
      initial:
        hit !== undefined
          ? { state: 'done', artifact: hit.artifact }
          : { state: servers.has(id) ? 'server' : noop.has(id) ? 'noop' : 'pending' },
    };
  };
  return {
    runId: input.runId,
    command: printable(input.command, 4096) || 'nx',
    requestedTargets: [...input.requestedTargets].slice(0, 1000),
    parallel: input.parallel,
    nxBail: input.nxBail,
    skipNxCache,
    verbose: input.verbose,
    streamOutput: input.streamOutput,
    env: input.env,
    forwardedEnv: [...input.forwardedEnv],
    onHashMismatch: input.onHashMismatch === 'auto' ? 'run-on-main' : input.onHashMismatch,
    tasks: onePlacementEach([...plan.pending, ...plan.noop, ...plan.servers].map(toSpec)),
    ...(placing.placements.length === 0
      ? {}
      : { placements: [...placing.placements], placementWaitMs: input.placementWaitMs }),
  };
}
