// Indexes that the state contains in addition to its records, so that a step need not search. Plain data, like all of the state.

/** What a task takes of a machine, as far as earlier runs tell. */
export interface TaskNeed {
  /** Processor time over duration. */
  readonly cpus: number | null;
  /** The most memory that it may need at a time. */
  readonly memoryBytes: number | null;
}

/**
 * A run's task graph by index: the position of a task in the spec. Never changes after submission. An edge to a server
 * is like any other: the users of a server also need its dependencies, and a server ends as soon as it could be started
 * (see `TaskRecord.kind`).
 */
export interface RunGraph {
  readonly ids: readonly string[];
  readonly indexOf: ReadonlyMap<string, number>;
  readonly dependencies: readonly (readonly number[])[];
  readonly dependants: readonly (readonly number[])[];
  /** Position of a task in the order of upward rank: lower positions should run sooner. */
  readonly priority: readonly number[];
  /** What `priority` is made of: the longest weighted path from each task, itself included, and its own part of it, in ms. */
  readonly rankMs: readonly number[];
  readonly weightMs: readonly number[];
  /** What each task needs of an agent that packs; empty if nothing is known of any. */
  readonly needs: readonly (TaskNeed | null)[];
  /** How long each task is expected to run, in ms; null: neither earlier runs nor the option `weights` tell. */
  readonly expectedMs: readonly (number | null)[];
  /** See `chainsOf`. */
  readonly chainOf: readonly number[];
}

/** The subject of a deadline, with what identifies it as stale. */
export type DeadlineSubject =
  | { kind: 'lease'; runId: string; index: number; attempt: number }
  /** The attempt has run for longer than usual. `againMs`: when, after a second start was withdrawn. */
  | { kind: 'late'; runId: string; index: number; attempt: number; againMs?: number }
  | { kind: 'agent-gone'; agentId: string; sinceMs: number }
  | { kind: 'main-lost'; runId: string; sinceMs: number }
  | { kind: 'placement'; runId: string; index: number; sinceMs: number }
  | { kind: 'session-idle'; sinceMs: number }
  | { kind: 'prefetch' }
  | { kind: 'release' }
  | { kind: 'session-info' };

export interface Deadline {
  atMs: number;
  /** Order of insertion, so that equal times have a fixed order. */
  id: number;
  subject: DeadlineSubject;
}

/** An agent's entry in the heap of free agents; stale if the agent has a newer version. */
export interface FreeAgent {
  agentId: string;
  joinIndex: number;
  free: number;
  version: number;
}

/** An agent's entry in the heap of agents that may get an attempt ahead of a slot; stale if the agent has a newer version. */
export interface AgentWithRoom {
  agentId: string;
  joinIndex: number;
  /** When one of its slots is expected to be free; in the past if that is not known. */
  freeAtMs: number;
  version: number;
}

/** Attempts that are on an agent before a slot of it is free. */
export interface PrefetchState {
  /** Heap of agents that may get one, the one that is expected to have a free slot soonest first; stale entries are skipped. */
  room: AgentWithRoom[];
  /** Agents with one that has not started and is not being recalled. */
  holders: Set<string>;
  /** Those of them that may no longer have it: it is recalled at the end of the step. */
  doubtful: Set<string>;
  /** Number of attempts that are being recalled. */
  recalling: number;
  /** When the next agent may get one, or the next one may be worth recalling; null: not before something else happens. */
  wakeAtMs: number | null;
}

/** When agents that the rest of the session can't use are looked for. */
export interface ReleaseState {
  /** When they were last looked for. */
  lookedAtMs: number;
  /** When to look again; null: not before something else happens. */
  wakeAtMs: number | null;
  /** When the latest run was submitted. */
  submittedAtMs: number;
  /** How many agents were released before the end of the session. */
  count: number;
  /** Their slots. */
  slots: number;
}

/**
 * Agents with the same --slots and the same labels, as far as rules mention them: the same rules apply to all of them
 * in the same way. There are only as many pools as kinds of agents, a handful, so a search for a label visits each pool
 * instead of each agent. Labels that no rule mentions (a job name, for example) do not create pools.
 */
export interface AgentPool {
  readonly labels: readonly string[];
  /** The highest number that rules of open runs require; an agent without --slots uses as many slots. */
  slots: number;
  usable: number;
  healthy: number;
  /** Heap of its agents that have room for tasks of rules, fewest tasks first; stale entries are skipped. */
  free: PooledAgent[];
}

export interface PooledAgent {
  agentId: string;
  joinIndex: number;
  leases: number;
  version: number;
}
