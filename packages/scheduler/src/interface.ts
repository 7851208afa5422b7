import type {
  AgentSync,
  AgentWanted,
  Capacity,
  EndedStatus,
  FinishedAttempt,
  Introduction,
  LimitValues,
  MainSync,
  Reason,
  RunSpec,
  RunUpdate,
  SessionInfo,
  SessionSettings,
} from '@org/dte-protocol';

import type { TaskNeed } from './indexes';

/** The limits that affect scheduling; the protocol's `LIMITS` names and explains all of them. */
export type SchedulerConfig = Pick<
  LimitValues,
  | 'leaseMs'
  | 'agentReturnMs'
  | 'mainLostMs'
  | 'sessionIdleMs'
  | 'attemptsPerTask'
  | 'logEntriesPerFrame'
  | 'frameBytes'
  | 'releaseIdleMs'
  | 'reserveSlots'
>;

/** An agent as described in its hello. */
export interface AgentJoin extends Introduction {
  /** Stable over reconnects of the same process. */
  agentId: string;
  /** Slots fixed by --slots; null means the runs' --parallel. */
  slots: number | null;
  labels: string[];
  /** How many attempts it prepares beyond its slots; omitted: 0. */
  spare?: number | undefined;
  /** It takes tasks as far as they fit into this, up to its slots; omitted: up to its slots. */
  capacity?: Capacity | undefined;
  /** Accepts tasks of this run only. */
  onlyRun?: string | undefined;
}

/** Agents that sent a message since the last input, and how long ago each did, in ms. */
export type Heard = Readonly<Record<string, number>>;

/** Everything that can happen to a session. The journal stores the inputs: replaying them, each with its time, gives the same state. */
export type Input =
  /** Also reopens a finished session. */
  | { type: 'session.configure'; settings: SessionSettings }
  /** No more work will be submitted. */
  | { type: 'session.complete' }
  /**
   * The process that held the connections is gone and the state was replayed. Agents and main jobs must reconnect, and
   * get a full lease or grace period to do so. Must be the first input after a replay.
   */
  | { type: 'session.restored' }
  /** A run that `checkRun` accepted. Idempotent by runId. */
  | {
      type: 'run.submit';
      spec: RunSpec;
      /** Ids of its tasks that the history knows to be flaky. */
      flaky?: readonly string[];
      /**
       * How long each of its tasks, in their order, ran according to the history, in ms; null: the `weight` of the spec counts. Omitted:
       * so it does for all of them.
       */
      learntMs?: readonly (number | null)[];
      /**
       * After how long each of its tasks, in their order, runs for longer than usual according to the history, in ms; null or omitted:
       * nothing tells. Only such tasks may be started a second time.
       */
      lateMs?: readonly (number | null)[];
      /** What each of its tasks needs of an agent that packs, in their order; null: unknown. Omitted: unknown for all. */
      needs?: readonly (TaskNeed | null)[];
    }
  /** Also marks the run's main job as present. */
  | { type: 'main.sync'; sync: MainSync }
  /** The connection that followed this run was closed. */
  | { type: 'main.disconnected'; runId: string }
  /** A connection with the role main was opened or closed, whichever runs it follows. */
  | { type: 'main.connected' }
  | { type: 'main.left' }
  /** Also on every reconnect. */
  | { type: 'agent.joined'; agent: AgentJoin }
  | { type: 'agent.sync'; agentId: string; sync: AgentSync }
  /**
   * Represents syncs that were heartbeats (`isHeartbeat`) of agents with leases: the latest of each agent. Must precede
   * the next input of any other kind.
   */
  | { type: 'agents.heard'; agoMs: Heard }
  | { type: 'agent.disconnected'; agentId: string }
  /** Left for good, or was rejected after it had joined. */
  | { type: 'agent.removed'; agentId: string; reason: Reason }
  /** Rejected in the handshake, so it never joined. */
  | { type: 'agent.refused'; name: string | null; reason: Reason }
  /** Time passed; see `Effects.wakeAtMs`. */
  | { type: 'tick' };

/** A message and its recipient; `session` means every main job and observer of the session. */
export type Outgoing =
  | { to: 'agent'; agentId: string; message: AgentWanted }
  | { to: 'run'; runId: string; message: RunUpdate }
  | { to: 'session'; message: SessionInfo };

/**
 * How a second start ended: the `first` attempt or the `second` one had the result that counts, or goes on alone after the other was
 * lost; or it `failed` and the first one goes on; or it was `withdrawn` for a task that needed the slot.
 */
export type RivalEnd = 'first' | 'second' | 'failed' | 'withdrawn';

/** Events for logs and pages; never needed to rebuild the state. */
export type HistoryEvent =
  | { type: 'agent.joined'; agentId: string; name: string; again: boolean }
  | { type: 'agent.disconnected'; agentId: string }
  /** It is asked to leave before the session is over, because the rest of it can't use the agent. */
  | { type: 'agent.released'; agentId: string; reason: Reason }
  | { type: 'agent.left'; agentId: string; reason: Reason }
  | { type: 'agent.refused'; name: string | null; reason: Reason }
  | { type: 'run.submitted'; runId: string; tasks: number }
  | { type: 'run.ended'; runId: string; state: 'finished' | 'cancelled' }
  | { type: 'run.closed'; runId: string }
  /** One for each task of a batch. */
  | { type: 'task.assigned'; runId: string; taskId: string; attempt: number; agentId: string }
  | { type: 'task.lost'; runId: string; taskId: string; attempt: number; agentId: string; reason: Reason }
  /** An attempt that waited on its agent for a slot was taken back, and did not run. */
  | { type: 'task.recalled'; runId: string; taskId: string; attempt: number; agentId: string }
  /** The task itself failed and is retried. */
  | { type: 'task.retried'; runId: string; taskId: string; attempt: number; agentId: string }
  /** One of two attempts of a task at the same time is over without a result, and the other is not: see `RivalEnd`. */
  | { type: 'task.outrun'; runId: string; taskId: string; attempt: number; agentId: string; end: RivalEnd }
  /** Evidence for the history: a task that is watched for flakiness ran to its end, whatever the run does with the result. */
  | { type: 'task.ran'; runId: string; taskId: string; hash: string; status: 'success' | 'failure' }
  /** For the history of durations: an agent ran a task, which succeeded. Times in ms. */
  | {
      type: 'task.measured';
      runId: string;
      taskId: string;
      /** Labels of the agent. */
      labels: readonly string[];
      runMs: number;
      cpuMs: number | null;
      peakMemoryBytes: number | null;
      outputBytes: number;
    }
  | {
      type: 'task.ended';
      runId: string;
      taskId: string;
      status: EndedStatus;
      attempt: number | null;
      /** How its agent came by the result: it ran the task, or one of its caches had it. Null: no agent did either. */
      source: 'ran' | NonNullable<FinishedAttempt['fromCache']> | null;
    }
  /** A result of an attempt that is not, or no longer, assigned to this agent. */
  | { type: 'result.refused'; runId: string; taskId: string; attempt: number; agentId: string }
  | { type: 'session.finished'; reason: Reason }
  | { type: 'session.reopened' };

/** The effects that a step requests. All of it is immutable and may be kept. */
export interface Effects {
  send: Outgoing[];
  events: HistoryEvent[];
  /** Send a `tick` at this time at the latest; null: nothing is due. Same clock as `nowMs`. */
  wakeAtMs: number | null;
}
