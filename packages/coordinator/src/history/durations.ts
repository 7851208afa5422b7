/** A task by what it is, in every pipeline. */
export interface TaskKind {
  readonly project: string;
  readonly target: string;
  readonly configuration: string | null;
}

/** An agent really ran a task, which succeeded: no answer of a cache, no failure, no lost attempt. */
export interface Duration extends TaskKind {
  /** What tells fast machines from slow ones: see `agentClassOf`. */
  readonly agentClass: string;
  readonly runMs: number;
  /** Processor time; null if it was not measured. */
  readonly cpuMs: number | null;
  /** The most memory that was seen at a time; null as above. */
  readonly peakBytes: number | null;
  readonly outputBytes: number;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/**
 * What an estimate is based on, the most exact first: the same task on the same kind of agent; on any; with any configuration; the
 * median of tasks with the same target; the median of the parts of the same target (`e2e-ci--…`).
 */
export const ESTIMATE_SOURCES = ['exact', 'any-agent', 'any-configuration', 'target', 'parts'] as const;

export interface Estimate {
  readonly ms: number;
  readonly source: (typeof ESTIMATE_SOURCES)[number];
  /** How many results it is based on. */
  readonly results: number;
  /** After how long it runs for longer than usual (`lateMsOf`); null unless enough is known of the very same task. */
  readonly lateMs: number | null;
  /** What the task takes of a machine, see `needOf`. */
  readonly need: Need;
}

/** Null: not measured. */
export interface Need {
  /** Processor time over duration. */
  readonly cpus: number | null;
  /** The most memory that it may need at a time. */
  readonly memoryBytes: number | null;
}

/** What is known at one moment. */
export interface DurationEstimates {
  /** How many results all of it is based on. */
  readonly results: number;
  /**
   * How long a task will run; null if nothing tells.
   * @param agentClass where it will run; null: unknown
   */
  of(task: TaskKind, agentClass: string | null): Estimate | null;
}

/**
 * Port: how long a project's tasks have run. Best effort, like `TaskHistory`: callers must work without an answer, and a wrong
 * answer costs time and nothing else, because durations only decide what starts first.
 */
export interface DurationHistory {
  /**
   * Stores durations; the next question takes them into account.
   * @param project as `projectOf` returns it
   */
  note(project: string, durations: readonly Duration[]): Promise<void>;
  /** From tasks that ran within `durationsMs` before `nowMs`. */
  estimates(project: string, nowMs: number): Promise<DurationEstimates>;
  /** Waits until pending writes are done. */
  close(): Promise<void>;
}

/** Agents with the same labels are of one kind: labels are what people tell machines apart by. */
export const agentClassOf = (labels: readonly string[]): string => [...new Set(labels)].sort().join(',');
