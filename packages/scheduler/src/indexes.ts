// What the state keeps beside its records so that a step need not search: plain data, like all of the state.

/**
 * A run's task graph by index: the place of a task in the spec. Never changes after submission.
 * An edge to a server is an edge like any other: what the server needs, its users need as well, and a server itself ends as
 * soon as it could be started (see `TaskRecord.kind`).
 */
export interface RunGraph {
  readonly ids: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly dependencies: readonly (readonly number[])[];
  readonly dependants: readonly (readonly number[])[];
  /** Place of a task in the order of upward rank: the lower, the sooner it should run. */
  readonly priority: readonly number[];
}

/** What a deadline is about, with what makes it recognisable as outdated. */
export type DeadlineSubject =
  | { kind: 'lease'; runId: string; index: number; attempt: number }
  | { kind: 'agent-gone'; agentId: string; sinceMs: number }
  | { kind: 'main-lost'; runId: string; sinceMs: number }
  | { kind: 'placement'; runId: string; index: number; sinceMs: number }
  | { kind: 'session-idle'; sinceMs: number }
  | { kind: 'session-info' };

export interface Deadline {
  atMs: number;
  /** Order of insertion, so that equal times come out in a fixed order. */
  id: number;
  subject: DeadlineSubject;
}

/** An agent's entry in the heap of free agents; outdated when the agent has moved on to another version. */
export interface FreeAgent {
  agentId: string;
  joinIndex: number;
  free: number;
  version: number;
}

/**
 * Agents with the same --slots and the same labels, as far as rules mention them: the same rules send as many of the same
 * tasks to each. There are as many pools as kinds of agents, a handful, so that looking for an agent with a label costs a
 * look at each pool and not at each agent. Labels that no rule mentions (the name of a job, say) make no kinds.
 */
export interface AgentPool {
  readonly labels: readonly string[];
  /** What the rules of the open runs ask for, at most; an agent without --slots serves as many. */
  slots: number;
  usable: number;
  healthy: number;
  /** Heap of its agents that have room for tasks of rules, those with fewest tasks first; stale entries are skipped. */
  free: PooledAgent[];
}

export interface PooledAgent {
  agentId: string;
  joinIndex: number;
  leases: number;
  version: number;
}
