import {
  type AgentRef,
  type Capacity,
  type ClosureEntry,
  DEFAULT_SESSION_SETTINGS,
  type EndedStatus,
  type FinishedAttempt,
  type Introduction,
  type OnHashMismatch,
  type Reason,
  type RunLogEntry,
  type RunOn,
  type SessionInfo,
  type SessionSettings,
} from '@org/dte-protocol';
import type { AgentPool, Deadline, FreeAgent, PrefetchState, ReleaseState, RunGraph } from './indexes';
import type { SchedulerConfig } from './interface';
import type { Lease } from './lease';

/**
 * The state of a task. If the main job settled the task before submission (`initial: done`), `ended` means that the
 * task and all its dependencies are available; it has no log entry.
 */
export type TaskState =
  | { name: 'waiting'; openDependencies: number; dependencyReturned: boolean }
  /** Ready, but another task of its batch is not. */
  | { name: 'gathered' }
  | { name: 'ready' }
  | { name: 'leased'; lease: Lease }
  | { name: 'ended'; status: EndedStatus };

/** What happens after a task's own failures. */
export interface RetryState {
  /** Number of failures after which it was retried. */
  failed: number;
  /** Number of retries that are left. */
  left: number;
  /** Why it may be retried. */
  readonly because: 'retries' | 'flaky';
  /** Its attempts are evidence for the history. */
  readonly watched: boolean;
  /** Its latest failure, in case nothing may start any more before it is retried. */
  last: { attempt: number; agent: AgentRef; result: FinishedAttempt } | null;
}

export interface TaskRecord {
  /**
   * `server`: never assigned to an agent, without a log entry. It ends when its own dependencies have ended, because
   * then its users may run; each agent starts its own server.
   */
  readonly kind: 'pending' | 'done' | 'noop' | 'server';
  readonly parallelism: boolean;
  /** The lane of the run in which it waits. */
  readonly lane: number;
  readonly hash: string | null;
  /** Position of its batch among those of the run. */
  readonly batch: number | null;
  state: TaskState;
  /** Number of the latest attempt; fences all earlier ones. */
  attempt: number;
  /** How long it may run before it may be started a second time, in ms; null: it may not, or not any more. */
  lateMs: number | null;
  /** Number of attempts lost to infrastructure. */
  lost: number;
  /** Agents that lost an attempt, or on which the task failed before a retry; the latest last. */
  lostOn: string[];
  /** Number of attempts that waited on an agent for a slot and were taken back. */
  recalls: number;
  retry: RetryState;
  /** The agent whose disk has the outputs, because it made them. */
  madeOn: string | null;
  /** Its entry in the closures of dependents; null until known, and for tasks with nothing to restore. */
  outputs: ClosureEntry | null;
}

/** Ready tasks of a run that the same agents may run under the same conditions. */
export interface Lane {
  /** Index into the run's placements; null: any agent. */
  readonly placement: number | null;
  /** Its tasks run alone on their agent (`parallelism: false`). */
  readonly alone: boolean;
  /** Heap of task indices by `graph.priority`. */
  ready: number[];
  /** Agent that is reserved for the first task of `ready`. */
  heldAgent: string | null;
  /** How many tasks of each chain have not ended: see `chains.ts`. */
  chains: number[];
  /** How many of its tasks can run at the same time from now on, at most: chains with such tasks. */
  width: number;
}

/** Where an assignment rule sends tasks of a run. */
export interface PlacementState {
  readonly rule: string;
  readonly runOn: readonly RunOn[];
  /** The pools that match, and the parallelism that it gives them. */
  readonly pools: Map<string, number | null>;
  /** Since when no agent matches; null while one does. */
  lonelySinceMs: number | null;
}

/** Tasks that one process runs together. */
export interface BatchRecord {
  /** Number of its tasks that wait for something outside the batch. */
  waiting: number;
  /** The tasks that are ready or running together, the one that represents them first; empty before. */
  unit: number[];
  readonly members: readonly number[];
}

export type RunPhase = 'running' | 'finished' | 'cancelled';

/** How far the main job has read the log, and which entries it still needs. */
export interface RunLog {
  ackSeq: number;
  /** Entries after `baseSeq` <= `ackSeq`: acknowledged entries are cut off in blocks. */
  entries: RunLogEntry[];
  baseSeq: number;
  sentSeq: number;
  /** When the log was last sent again from `ackSeq`. */
  rewoundAtMs: number;
}

export interface RunState {
  readonly runId: string;
  readonly command: string;
  readonly requestedTargets: readonly string[];
  readonly parallel: number;
  readonly nxBail: boolean;
  readonly onHashMismatch: OnHashMismatch;
  readonly streamOutput: boolean;
  readonly total: number;
  phase: RunPhase;
  closed: boolean;
  /** Set if nothing new may start although the run is not over (--nxBail, stopAgentsOnFailure). */
  bailed: boolean;
  /** A connection follows the run. */
  followed: boolean;
  /** When it was last followed, for `mainLostMs`. */
  unfollowedAtMs: number;
  done: number;
  failed: number;
  /** Emptied when the run is closed, like `tasks`, `batches`, `lanes`, `placements` and `log`. */
  graph: RunGraph;
  tasks: TaskRecord[];
  batches: BatchRecord[];
  /** Batches whose last waiting task became ready in this step. */
  gatheredBatches: number[];
  lanes: Lane[];
  placements: PlacementState[];
  /** How long a placement waits for a matching agent. */
  readonly placementWaitMs: number;
  /** Live leases in the order in which they were assigned, by `index` of the lease; of a task with two, one of them. */
  leases: Map<number, Lease>;
  /** The other lease of tasks that have two, by `index`: see `rivals.ts`. */
  rivals: Map<number, Lease>;
  /** Tasks with one lease that run for longer than usual and may be started a second time, in the order in which they became late. */
  late: Set<number>;
  /** Of any of its tasks it is known when it runs for longer than usual. */
  readonly mayBeLate: boolean;
  /** Sum of the costs of those of `leases` and `rivals` that take slots. */
  slotsUsed: number;
  /** Number of the others: they wait on an agent for a slot. */
  ahead: number;
  /** Slot time of the tasks that have no agent yet, by their weights. */
  waitingMs: number;
  log: RunLog;
}

export interface AgentState extends Introduction {
  readonly agentId: string;
  readonly labels: readonly string[];
  /** See `AgentPool`; null: no rule applies to it. */
  pool: string | null;
  /**
   * The only run whose tasks it accepts; null: any run. Such an agent does not count for other runs: neither as an
   * available agent nor as one that could retry a lost attempt.
   */
  readonly onlyRun: string | null;
  /** It packs: tasks must fit into this together; null: only their number is limited. */
  capacity: Capacity | null;
  /** Its own --slots. */
  slots: number | null;
  /** Position in the order of joining. */
  readonly joinIndex: number;
  connected: boolean;
  disconnectedAtMs: number;
  draining: boolean;
  /** It was released: if it disconnects, that is the answer. */
  toldToStop: boolean;
  /** Why it leaves before the session is over; null: it does not. It gets no work any more. */
  released: Reason | null;
  /** Since when it has nothing to do, and could have; null: it has. */
  idleSinceMs: number | null;
  finished: number;
  /** Attempts that it returned in a row. Above a limit, it gets work only if there is no other agent. */
  faults: number;
  /** Its last task of which that is known took longer than usual, or one runs for longer than usual. It gets no second starts, and others last. */
  slow: boolean;
  leases: Set<Lease>;
  /** How many attempts it prepares beyond its slots: 0 or 1. */
  spare: number;
  /** Attempts that wait on it for a slot, or run in the place of another whose result is on its way. */
  ahead: Set<Lease>;
  leasesPerRun: Map<string, number>;
  /** The lowest cap of its leases. */
  cap: number | null;
  /** The run, and the lane in it, for whose task it is reserved. */
  heldFor: { readonly runId: string; readonly lane: number } | null;
  /** Estimated size of everything that it is to do. */
  bytesWanted: number;
  /** Highest seq of its syncs in this connection. */
  seq: number;
  /** What it contributes to `usable` of the state. */
  counted: { usable: boolean; healthy: boolean; slots: number };
  /** It may get an attempt ahead of a slot. */
  hasRoom: boolean;
  /** Which of its entries in the heaps of free agents is current. */
  freeVersion: number;
}

export interface SessionState {
  phase: 'open' | 'finished';
  settings: SessionSettings;
  /** Finish as soon as no run is open. */
  finishWhenIdle: Reason | null;
  stop: Reason | null;
  mains: number;
  mainSeen: boolean;
  /** Since when there is neither a main job nor a run; null while there is one. */
  idleSinceMs: number | null;
  refused: SessionInfo['refused'];
  /** The members changed and were not announced yet. */
  infoDue: boolean;
  infoSentAtMs: number;
}

/**
 * The whole state of the scheduler. Plain data (objects, arrays, maps, sets, numbers, strings) that can be cloned with
 * structuredClone. Treat it as opaque and read it through `describe`.
 */
export interface SchedulerState {
  readonly config: SchedulerConfig;
  readonly sessionId: string;
  /** Time of the current step. Starts as the clock's time, and is ahead of it after the clock was set back. */
  nowMs: number;
  /** The clock's time in the previous step. */
  clockMs: number | null;
  session: SessionState;
  runs: Map<string, RunState>;
  /** Runs in phase `running`, in order of submission. */
  openRuns: Set<string>;
  agents: Map<string, AgentState>;
  nextJoinIndex: number;
  /** Slots of an agent without --slots: the highest --parallel of the open runs; null while there is none. */
  defaultSlots: number | null;
  /** Number of agents that may get work, and of their slots. */
  usable: { agents: number; healthy: number; slots: number };
  /** Agents of one run (`onlyRun`), which `usable` does not include; at most one for each command. */
  exclusive: Set<string>;
  /** Agents that pack (`capacity`). */
  packing: Set<string>;
  /** Heap of agents with a free slot, most free first; stale entries are skipped. */
  free: FreeAgent[];
  /** Never reused, not even for an agent that reconnects after it was deleted. */
  nextFreeVersion: number;
  prefetch: PrefetchState;
  release: ReleaseState;
  pools: Map<string, AgentPool>;
  /** Labels that rules of any run have mentioned so far. */
  mentionedLabels: Set<string>;
  /** Agents have come or gone, or a run was submitted: see `watchPlacements`. */
  agentsChanged: boolean;
  /** Usable agents that run nothing. */
  idle: Set<string>;
  deadlines: Deadline[];
  nextDeadlineId: number;
  /** When the last step asked for a tick. A step much later than that means that this process was frozen. */
  wakeAtMs: number | null;
  /** Number of heap moves, closure entries and agents visited so far; tests limit it. */
  operations: number;
}

/**
 * The initial state of a session: open, without settings, agents and runs. Pass the limits (`readLimits(env).limits`
 * fits) and the session's id.
 */
export function createState(config: SchedulerConfig, sessionId: string): SchedulerState {
  const { leaseMs, agentReturnMs, mainLostMs, sessionIdleMs } = config;
  const { attemptsPerTask, logEntriesPerFrame, frameBytes, releaseIdleMs, reserveSlots } = config;
  return {
    config: {
      leaseMs,
      agentReturnMs,
      mainLostMs,
      sessionIdleMs,
      attemptsPerTask,
      logEntriesPerFrame,
      frameBytes,
      releaseIdleMs,
      reserveSlots,
    },
    sessionId,
    nowMs: 0,
    clockMs: null,
    session: {
      phase: 'open',
      settings: DEFAULT_SESSION_SETTINGS,
      finishWhenIdle: null,
      stop: null,
      mains: 0,
      mainSeen: false,
      idleSinceMs: null,
      refused: [],
      infoDue: false,
      infoSentAtMs: -Infinity,
    },
    runs: new Map(),
    openRuns: new Set(),
    agents: new Map(),
    nextJoinIndex: 0,
    defaultSlots: null,
    usable: { agents: 0, healthy: 0, slots: 0 },
    exclusive: new Set(),
    packing: new Set(),
    free: [],
    nextFreeVersion: 1,
    prefetch: { room: [], holders: new Set(), doubtful: new Set(), recalling: 0, wakeAtMs: null },
    release: { lookedAtMs: -Infinity, wakeAtMs: null, submittedAtMs: -Infinity, count: 0, slots: 0 },
    pools: new Map(),
    mentionedLabels: new Set(),
    agentsChanged: false,
    idle: new Set(),
    deadlines: [],
    nextDeadlineId: 0,
    wakeAtMs: null,
    operations: 0,
  };
}
