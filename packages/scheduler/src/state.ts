import {
  type AgentRef,
  type Assignment,
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
import type { AgentPool, Deadline, FreeAgent, RunGraph } from './indexes';
import type { SchedulerConfig } from './interface';

/** One attempt that an agent is wanted to make; lives exactly as long as a task of it is `leased`. */
export interface Lease {
  runId: string;
  /** The task by which it is called; the first of a batch. */
  index: number;
  /** Tasks of it that have not ended, in order; several when it is a batch. */
  open: Set<number>;
  agentId: string;
  attempt: number;
  /** Moved by every sync that lists the attempt; the deadline heap finds out when it looks. */
  untilMs: number;
  sinceMs: number;
  /** Slots it takes of its agent. */
  cost: number;
  /** While it runs, its agent runs at most so many tasks; null: as many as it otherwise may. */
  cap: number | null;
  /** The `started` entry is written. */
  started: boolean;
  assignment: Assignment;
  /** Upper estimate of the assignment's share of a frame. */
  bytes: number;
}

/**
 * Where a task stands. `ended` of a task that the main job settled beforehand (`initial: done`) means: it and
 * everything below it is on hand; such a task has no log entry.
 */
export type TaskState =
  | { name: 'waiting'; openDependencies: number; dependencyReturned: boolean }
  /** Ready, but a task of its batch is not. */
  | { name: 'gathered' }
  | { name: 'ready' }
  | { name: 'leased'; lease: Lease }
  | { name: 'ended'; status: EndedStatus };

/** What happens to a task's own failures. */
export interface RetryState {
  /** Failures after which it was retried. */
  failed: number;
  /** How many more may be. */
  left: number;
  /** Why, when one is. */
  readonly because: 'retries' | 'flaky';
  /** Its attempts are evidence for the history. */
  readonly watched: boolean;
  /** Its latest failure, in case that nothing may start any more before it is retried. */
  last: { attempt: number; agent: AgentRef; result: FinishedAttempt } | null;
}

export interface TaskRecord {
  /**
   * `server`: never given to an agent and without a log entry; it ends once its own dependencies have, because from then on
   * its users may run, each agent starting a server of its own.
   */
  readonly kind: 'pending' | 'done' | 'noop' | 'server';
  readonly parallelism: boolean;
  /** Which of the run's lanes it waits in. */
  readonly lane: number;
  readonly hash: string | null;
  /** Place of its batch in those of the run. */
  readonly batch: number | null;
  state: TaskState;
  /** Number of the latest attempt; fences every earlier one. */
  attempt: number;
  /** Attempts lost to infrastructure. */
  lost: number;
  /** Agents that lost one, or on which the task failed and was to be retried; latest last. */
  lostOn: string[];
  retry: RetryState;
  /** Agent whose disk has the outputs, because it made them. */
  madeOn: string | null;
  /** What dependants' closures say of it; null until known, and for tasks with nothing to restore. */
  outputs: ClosureEntry | null;
}

/** Ready tasks of a run that the same agents may take, under the same conditions. */
export interface Lane {
  /** Index into the run's placements; null: any agent. */
  readonly placement: number | null;
  /** Its tasks have their agent to themselves (`parallelism: false`). */
  readonly alone: boolean;
  /** Heap of task indices by `graph.priority`. */
  ready: number[];
  /** Agent kept free of other tasks for the first of `ready`. */
  heldAgent: string | null;
}

/** Where an assignment rule sends tasks of a run. */
export interface PlacementState {
  readonly rule: string;
  readonly runOn: readonly RunOn[];
  /** Pools it fits, and the parallelism it gives them. */
  readonly pools: Map<string, number | null>;
  /** Since when it fits no agent; null while it does. */
  lonelySinceMs: number | null;
}

/** Tasks that one process runs together. */
export interface BatchRecord {
  /** Its tasks that wait for something outside the batch. */
  waiting: number;
  /** Ready or running together, the one that stands for all of them first; empty before. */
  unit: number[];
  readonly members: readonly number[];
}

export type RunPhase = 'running' | 'finished' | 'cancelled';

/** How far the main job is known to be, and what it still has to hear. */
export interface RunLog {
  ackSeq: number;
  /** Entries after `baseSeq` <= `ackSeq`: acknowledged ones are cut off in batches. */
  entries: RunLogEntry[];
  baseSeq: number;
  sentSeq: number;
  /** When it was last sent again from `ackSeq` on. */
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
  /** Set when nothing new may start although the run is not over (--nxBail, stopAgentsOnFailure). */
  bailed: boolean;
  /** A connection follows the run. */
  followed: boolean;
  /** When it was last followed, for `mainLostMs`. */
  unfollowedAtMs: number;
  done: number;
  failed: number;
  /** Emptied when the run is closed, like `tasks` and `log`. */
  graph: RunGraph;
  tasks: TaskRecord[];
  batches: BatchRecord[];
  /** Batches whose last task has stopped waiting in this step. */
  gatheredBatches: number[];
  lanes: Lane[];
  readonly placements: PlacementState[];
  /** How long a placement waits for an agent that it fits. */
  readonly placementWaitMs: number;
  /** Live leases in the order they were given, by `index` of the lease. */
  leases: Map<number, Lease>;
  /** Sum of the costs of `leases`. */
  slotsUsed: number;
  log: RunLog;
}

export interface AgentState extends Introduction {
  readonly agentId: string;
  readonly labels: readonly string[];
  /** See `AgentPool`; null: no rule means it. */
  pool: string | null;
  /**
   * The one run whose tasks it takes; null: any. Such an agent counts for nobody else: neither as somebody who is there nor as
   * one where a lost attempt could be made again.
   */
  readonly onlyRun: string | null;
  /** Its own --slots. */
  slots: number | null;
  /** Place in the order of joining. */
  readonly joinIndex: number;
  connected: boolean;
  disconnectedAtMs: number;
  draining: boolean;
  /** It was told to leave: a disconnection is the answer. */
  toldToStop: boolean;
  finished: number;
  /** Attempts returned in a row; too many and it is given work only when nobody else is left. */
  faults: number;
  leases: Set<Lease>;
  leasesPerRun: Map<string, number>;
  /** The lowest cap of its leases. */
  cap: number | null;
  /** Run, and lane of it, for whose task it is kept free. */
  heldFor: { readonly runId: string; readonly lane: number } | null;
  /** Estimated size of what it is wanted to do. */
  bytesWanted: number;
  /** Highest seq of its syncs in this connection. */
  seq: number;
  /** What it adds to `usable` of the state. */
  counted: { usable: boolean; healthy: boolean; slots: number };
  /** Which of its entries in the heap of free agents counts. */
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
  /** Since when there is neither main job nor run; null while there is. */
  idleSinceMs: number | null;
  refused: SessionInfo['refused'];
  /** Membership changed and was not told yet. */
  infoDue: boolean;
  infoSentAtMs: number;
}

/**
 * Everything the scheduler knows. Plain data (objects, arrays, maps, sets, numbers, strings), can be cloned
 * structurally; treat it as opaque and read it through `describe`.
 */
export interface SchedulerState {
  readonly config: SchedulerConfig;
  readonly sessionId: string;
  /** Time of the current step; starts as the clock's and is ahead of it once the clock was set back. */
  nowMs: number;
  /** What the clock said in the step before. */
  clockMs: number | null;
  session: SessionState;
  runs: Map<string, RunState>;
  /** Runs in phase `running`, in order of submission. */
  openRuns: Set<string>;
  agents: Map<string, AgentState>;
  nextJoinIndex: number;
  /** Slots of an agent that has no --slots: the highest --parallel of the open runs; null while there is none. */
  defaultSlots: number | null;
  /** Agents that may be given work, and how many slots they serve. */
  usable: { agents: number; healthy: number; slots: number };
  /** Agents of one run (`onlyRun`), which `usable` leaves out; one for each command at most. */
  exclusive: Set<string>;
  /** Heap of agents with a free slot, most free first; stale entries are skipped. */
  free: FreeAgent[];
  /** Never reused, not even for an agent that comes back after it was forgotten. */
  nextFreeVersion: number;
  pools: Map<string, AgentPool>;
  /** Labels that rules of any run so far have mentioned. */
  mentionedLabels: Set<string>;
  /** Agents have come or gone, or a run came: see `watchPlacements`. */
  agentsChanged: boolean;
  /** Usable agents that run nothing. */
  idle: Set<string>;
  deadlines: Deadline[];
  nextDeadlineId: number;
  /** When the last step asked to be woken; a step much later than that means that this process was frozen. */
  wakeAtMs: number | null;
  /** Heap moves, closure entries and agents looked at so far; tests hold a bound against it. */
  operations: number;
}

/**
 * A session as it begins: open, without settings, agents and runs.
 * Give the limits (`readLimits(env).limits` fits) and the session's id.
 */
export function createState(config: SchedulerConfig, sessionId: string): SchedulerState {
  const { leaseMs, mainLostMs, sessionIdleMs, attemptsPerTask, logEntriesPerFrame, frameBytes } = config;
  return {
    config: { leaseMs, mainLostMs, sessionIdleMs, attemptsPerTask, logEntriesPerFrame, frameBytes },
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
    free: [],
    nextFreeVersion: 1,
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
