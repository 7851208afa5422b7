import type {
  AgentSync,
  AgentWanted,
  EndedStatus,
  Introduction,
  LimitValues,
  MainSync,
  Reason,
  RunSpec,
  RunUpdate,
  SessionInfo,
  SessionSettings,
} from '@org/dte-protocol';

/** The limits that decide scheduling; all of them are named and explained in the protocol's `LIMITS`. */
export type SchedulerConfig = Pick<
  LimitValues,
  'leaseMs' | 'mainLostMs' | 'sessionIdleMs' | 'attemptsPerTask' | 'logEntriesPerFrame' | 'frameBytes'
>;

/** An agent as its hello introduces it. */
export interface AgentJoin extends Introduction {
  /** Stable over reconnects of the same process. */
  agentId: string;
  /** Slots fixed by --slots; null means the runs' --parallel. */
  slots: number | null;
  labels: string[];
  /** Takes tasks of this run and of no other. */
  onlyRun?: string | undefined;
}

/** Agents heard of since the last input, and how long ago each was, in ms. */
export type Heard = Readonly<Record<string, number>>;

/**
 * Everything that can happen to a session. Inputs are what the journal stores: replaying them, each with its time,
 * gives the same state.
 */
export type Input =
  /** Also begins a finished session again. */
  | { type: 'session.configure'; settings: SessionSettings }
  /** No more work will come. */
  | { type: 'session.complete' }
  /**
   * The process that held the connections is gone and the state was replayed: agents and main jobs must reconnect
   * and get a whole lease, or a whole grace period, to do so. To be the first input after a replay.
   */
  | { type: 'session.restored' }
  /** A run that `checkRun` has no objection to. The same runId again changes nothing. */
  | {
      type: 'run.submit';
      spec: RunSpec;
      /** Ids of its tasks that the history knew to be flaky. */
      flaky?: readonly string[];
    }
  /** Also marks the run's main job as present. */
  | { type: 'main.sync'; sync: MainSync }
  /** The connection that followed this run is gone. */
  | { type: 'main.disconnected'; runId: string }
  /** A connection of role main came or went, whichever runs it follows. */
  | { type: 'main.connected' }
  | { type: 'main.left' }
  /** Also on every reconnect. */
  | { type: 'agent.joined'; agent: AgentJoin }
  | { type: 'agent.sync'; agentId: string; sync: AgentSync }
  /**
   * Stands for syncs that were heartbeats (`isHeartbeat`), of agents that have leases: each agent's latest. To be the input
   * before the next one of any other kind.
   */
  | { type: 'agents.heard'; agoMs: Heard }
  | { type: 'agent.disconnected'; agentId: string }
  /** Left for good, or refused after it had joined. */
  | { type: 'agent.removed'; agentId: string; reason: Reason }
  /** Rejected in the handshake: never joined. */
  | { type: 'agent.refused'; name: string | null; reason: Reason }
  /** Time passed; see `Effects.wakeAtMs`. */
  | { type: 'tick' };

/** A message and whom it is for; `session` means every main job and observer of the session. */
export type Outgoing =
  | { to: 'agent'; agentId: string; message: AgentWanted }
  | { to: 'run'; runId: string; message: RunUpdate }
  | { to: 'session'; message: SessionInfo };

/** What happened, for logs and pages; never needed to rebuild the state. */
export type HistoryEvent =
  | { type: 'agent.joined'; agentId: string; name: string; again: boolean }
  | { type: 'agent.disconnected'; agentId: string }
  | { type: 'agent.left'; agentId: string; reason: Reason }
  | { type: 'agent.refused'; name: string | null; reason: Reason }
  | { type: 'run.submitted'; runId: string; tasks: number }
  | { type: 'run.ended'; runId: string; state: 'finished' | 'cancelled' }
  | { type: 'run.closed'; runId: string }
  /** One for each task of a batch. */
  | { type: 'task.assigned'; runId: string; taskId: string; attempt: number; agentId: string }
  | { type: 'task.lost'; runId: string; taskId: string; attempt: number; agentId: string; reason: Reason }
  /** The task itself failed and is retried. */
  | { type: 'task.retried'; runId: string; taskId: string; attempt: number; agentId: string }
  /**
   * Evidence for the history: a task that is watched for flakiness really ran to its end, whatever the run makes of it.
   */
  | { type: 'task.ran'; runId: string; taskId: string; hash: string; status: 'success' | 'failure' }
  | { type: 'task.ended'; runId: string; taskId: string; status: EndedStatus; attempt: number | null }
  /** A result whose attempt is not, or no longer, the one that is wanted of this agent. */
  | { type: 'result.refused'; runId: string; taskId: string; attempt: number; agentId: string }
  | { type: 'session.finished'; reason: Reason }
  | { type: 'session.reopened' };

/** What a step wants done. Everything in it is immutable and may be kept. */
export interface Effects {
  send: Outgoing[];
  events: HistoryEvent[];
  /** Give a `tick` at this time at the latest; null: nothing is due. Same clock as `nowMs`. */
  wakeAtMs: number | null;
}
