import type { NxStatuses, NxTask, NxTaskStatus } from '@org/dte-nx-compat';
import type {
  AgentRef,
  DteError,
  EndedEntry,
  FinishedAttempt,
  RunLogEntry,
  ServerReport,
} from '@org/dte-protocol';
import type { Hit } from '../submit/settle-cache';
import type { Ending } from '../tasks/leftovers';

/** The source of a task's result. */
export type Source =
  /** A cache had it before the run began. */
  | { readonly kind: 'hit'; readonly hit: Hit }
  /** The task only groups others (`nx:noop`). */
  | { readonly kind: 'group' }
  /** An agent reports success. */
  | { readonly kind: 'success'; readonly entry: EndedEntry; readonly finished: FinishedAttempt | null }
  /** An agent reports failure. */
  | { readonly kind: 'failure'; readonly entry: EndedEntry; readonly finished: FinishedAttempt | null };

/** The result of taking over a task. */
export interface Taken {
  readonly terminalOutput: string;
  /** The cache that had it; null: none. */
  readonly from: 'local' | 'remote' | null;
  /** Exit code, if the source does not contain it: that of a hit. */
  readonly code: number;
  /** Its outputs were not downloaded. */
  readonly isLeft: boolean;
  /** Why it failed through no fault of its own, to be shown below its output; empty: no explanation needed. */
  readonly note: string;
}

/** When a task ran, and with which hash. */
export type Stamp =
  /** A hit has its hash. */
  | { readonly kind: 'hit'; readonly endMs: number }
  | {
      readonly kind: 'ran';
      readonly finished: FinishedAttempt | null;
      readonly startMs: number;
      readonly endMs: number;
    }
  /** It did not run because of its inputs here: nothing is known under its hash. */
  | { readonly kind: 'refused'; readonly startMs: number; readonly endMs: number };

/** Everything that Nx, its caches and its history get about an ended task. */
export interface Conclusion {
  readonly taskId: string;
  readonly ending: 'success' | 'failure' | 'cancelled';
  /** `skipped`: the server that it waited for has failed, and it never ran. */
  readonly status: NxTaskStatus;
  readonly code: number;
  readonly terminalOutput: string;
  readonly note: string;
  readonly attempt: number | null;
  /** Null: it never ran, so there are no times. */
  readonly stamp: Stamp | null;
  /** What is kept of it on this machine: its output, for people; also an entry of Nx's cache. */
  readonly keeps: 'nothing' | 'output' | 'entry';
  /** Its agent's report about servers; null: the servers that it needs are this job's. */
  readonly servers: { readonly agentName: string; readonly reports: readonly ServerReport[] } | null;
}

/** The state of a task; no state: no events yet. */
export type TaskState =
  | { readonly phase: 'begun' }
  | { readonly phase: 'taking'; readonly source: Source }
  | {
      readonly phase: 'judging';
      readonly entry: EndedEntry;
      readonly finished: FinishedAttempt | null;
    }
  | { readonly phase: 'telling'; readonly conclusion: Conclusion }
  | { readonly phase: 'over' };

export type FollowEvent =
  /** A cache had the result before the run began. */
  | { readonly type: 'hit'; readonly hit: Hit }
  | { readonly type: 'entry'; readonly entry: RunLogEntry }
  /** Answers to `take`. */
  | { readonly type: 'taken'; readonly taskId: string; readonly taken: Taken }
  | { readonly type: 'untaken'; readonly taskId: string; readonly error: DteError }
  /** Answer to `take` of a hit and to `judge`: what the shared cache had was damaged, and an agent has made it again. */
  | { readonly type: 'made-again'; readonly entry: EndedEntry }
  /** Answer to `judge`; `failed`: the difference has a reason that must be fixed. */
  | { readonly type: 'judged'; readonly taskId: string; readonly failed: boolean }
  /** Answers to `conclude`. */
  | { readonly type: 'told'; readonly taskId: string }
  | { readonly type: 'untold'; readonly taskId: string; readonly error: DteError }
  /** Nx was informed how a server on agents ended. */
  | { readonly type: 'server.ended'; readonly taskId: string; readonly ending: 'success' | 'failure' }
  /** A task of this job must not start: a dependency is not available. */
  | { readonly type: 'lacking'; readonly taskId: string; readonly error: DteError }
  /** Nothing will run this task any more. */
  | { readonly type: 'skip'; readonly taskId: string };

export type FollowEffect =
  /** Tell Nx that an agent has started the task. */
  | { readonly type: 'begin'; readonly taskId: string }
  /** Print the output of a batch process that belongs to no task. */
  | {
      readonly type: 'say-batch-log';
      readonly taskId: string;
      readonly agent: AgentRef | null;
      readonly log: string;
    }
  /** Restore outputs, or leave them according to the policy; answered by `taken` or `untaken`. */
  | { readonly type: 'take'; readonly taskId: string; readonly source: Source }
  /** Find out why a task was returned; answered by `judged` or `untaken`. */
  | {
      readonly type: 'judge';
      readonly taskId: string;
      readonly entry: EndedEntry;
      readonly finished: FinishedAttempt | null;
    }
  /** The command fails now although the log does not show it: stop what --nxBail stops. */
  | { readonly type: 'fail-late' }
  /** Tell Nx about the end; answered by `told` or `untold`. At most once for each task. */
  | { readonly type: 'conclude'; readonly conclusion: Conclusion }
  /** The task no longer needs its servers. */
  | { readonly type: 'release-servers'; readonly taskId: string }
  /** Show a task as skipped that never started. */
  | { readonly type: 'show-skipped'; readonly taskId: string }
  | { readonly type: 'explain'; readonly error: DteError };

/** What the main job knows about the tasks of its run. Only `follow` writes to it. */
export interface FollowState {
  readonly tasks: Readonly<Record<string, Pick<NxTask, 'id' | 'outputs'>>>;
  /** Those of them that only group others. */
  readonly groups: Pick<ReadonlySet<string>, 'has'>;
  /** When the command started. */
  readonly startMs: number;
  readonly states: Map<string, TaskState>;
  /** Final results of tasks. */
  readonly endings: Map<string, Ending>;
  /** What Nx gets at the end of the command. */
  readonly statuses: NxStatuses;
  /** Tasks that were stopped while they ran. */
  readonly stopped: Set<string>;
  /** Agent name -> tasks it ran. */
  readonly byAgent: Map<string, number>;
  /** Failed task -> the agent on which it failed. */
  readonly failedOn: Map<string, AgentRef>;
  fromCache: number;
}

export const newFollowState = (given: Pick<FollowState, 'tasks' | 'groups' | 'startMs'>): FollowState => ({
  ...given,
  states: new Map(),
  endings: new Map(),
  statuses: {},
  stopped: new Set(),
  byAgent: new Map(),
  failedOn: new Map(),
  fromCache: 0,
});
