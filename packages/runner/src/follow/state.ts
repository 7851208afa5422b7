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

/** Where the result of a task comes from. */
export type Source =
  /** A cache had it before the run began. */
  | { readonly kind: 'hit'; readonly hit: Hit }
  /** The task only groups others (`nx:noop`). */
  | { readonly kind: 'group' }
  /** An agent says that it has succeeded. */
  | { readonly kind: 'success'; readonly entry: EndedEntry; readonly finished: FinishedAttempt | null }
  /** An agent says that it has failed. */
  | { readonly kind: 'failure'; readonly entry: EndedEntry; readonly finished: FinishedAttempt | null };

/** What taking over a result has brought. */
export interface Taken {
  readonly terminalOutput: string;
  /** The cache that had it; null: none. */
  readonly from: 'local' | 'remote' | null;
  /** Exit code, where the source does not say it: that of a hit. */
  readonly code: number;
  /** Its outputs were left where they are. */
  readonly isLeft: boolean;
  /** Why it failed through no fault of its own, to be shown below its output; empty: it needs no explanation. */
  readonly note: string;
}

/** When a task ran, and under which hash. */
export type Stamp =
  /** A hit has its hash. */
  | { readonly kind: 'hit'; readonly endMs: number }
  | {
      readonly kind: 'ran';
      readonly finished: FinishedAttempt | null;
      readonly startMs: number;
      readonly endMs: number;
    }
  /** It was not run because of what it would have had to run with: under its hash nothing is known of it. */
  | { readonly kind: 'refused'; readonly startMs: number; readonly endMs: number };

/** All that Nx, its caches and its history are told of a task that is over. */
export interface Conclusion {
  readonly taskId: string;
  readonly ending: 'success' | 'failure' | 'cancelled';
  /** `skipped`: the server that it waited for has failed, and it was never run. */
  readonly status: NxTaskStatus;
  readonly code: number;
  readonly terminalOutput: string;
  readonly note: string;
  readonly attempt: number | null;
  /** Null: as it never ran there is nothing to stamp. */
  readonly stamp: Stamp | null;
  /** What is kept of it on this machine: its output, for people; an entry of Nx's cache as well. */
  readonly keeps: 'nothing' | 'output' | 'entry';
  /** What its agent says of servers; null: the servers that it needs are those of this job. */
  readonly servers: { readonly agentName: string; readonly reports: readonly ServerReport[] } | null;
}

/** Where a task is; no state: nothing has been heard of it. */
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
  /** Answer to `judge`; `failed`: the difference has a reason that somebody has to know. */
  | { readonly type: 'judged'; readonly taskId: string; readonly failed: boolean }
  /** Answers to `conclude`. */
  | { readonly type: 'told'; readonly taskId: string }
  | { readonly type: 'untold'; readonly taskId: string; readonly error: DteError }
  /** Nx has been told how a server on agents ended. */
  | { readonly type: 'server.ended'; readonly taskId: string; readonly ending: 'success' | 'failure' }
  /** A task of this job must not begin: what it needs is not to be had. */
  | { readonly type: 'lacking'; readonly taskId: string; readonly error: DteError }
  /** Nothing will run this task any more. */
  | { readonly type: 'skip'; readonly taskId: string };

export type FollowEffect =
  /** Tell Nx that an agent has begun the task. */
  | { readonly type: 'begin'; readonly taskId: string }
  /** Say what the process of a batch printed by itself. */
  | {
      readonly type: 'say-batch-log';
      readonly taskId: string;
      readonly agent: AgentRef | null;
      readonly log: string;
    }
  /** Put outputs in place, or leave them as the policy has it; to be answered by `taken` or `untaken`. */
  | { readonly type: 'take'; readonly taskId: string; readonly source: Source }
  /** Find out what it means that a task came back; to be answered by `judged` or `untaken`. */
  | {
      readonly type: 'judge';
      readonly taskId: string;
      readonly entry: EndedEntry;
      readonly finished: FinishedAttempt | null;
    }
  /** The command fails now although the log does not say so: what --nxBail stops is to be stopped. */
  | { readonly type: 'fail-late' }
  /** Tell Nx of the end; to be answered by `told` or `untold`. At most one for each task. */
  | { readonly type: 'conclude'; readonly conclusion: Conclusion }
  /** The task needs its servers no more. */
  | { readonly type: 'release-servers'; readonly taskId: string }
  /** Show a task as skipped that never began. */
  | { readonly type: 'show-skipped'; readonly taskId: string }
  | { readonly type: 'explain'; readonly error: DteError };

/** What the main job knows of the tasks of its run. Only `follow` writes to it. */
export interface FollowState {
  readonly tasks: Readonly<Record<string, Pick<NxTask, 'id' | 'outputs'>>>;
  /** Which of them only group others. */
  readonly groups: Pick<ReadonlySet<string>, 'has'>;
  /** When the command began. */
  readonly startMs: number;
  readonly states: Map<string, TaskState>;
  /** How tasks ended, as far as it is beyond doubt. */
  readonly endings: Map<string, Ending>;
  /** What Nx is told at the end of the command. */
  readonly statuses: NxStatuses;
  /** Tasks that were ended while they ran. */
  readonly stopped: Set<string>;
  /** Agent name -> tasks it ran. */
  readonly byAgent: Map<string, number>;
  /** Failed task -> the agent it failed on. */
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
