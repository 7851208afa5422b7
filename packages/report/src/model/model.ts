import type { CacheOrigin, Measured, Reason } from '@org/dte-protocol';
import type { RunAccuracy } from './accuracy';
import type { CacheSource, Miss, TaskStatus } from './event';

export type { TaskStatus } from './event';

/** Version of the model's JSON; a field that is only added does not change it. */
export const MODEL_VERSION = 1;

/** One try to run a task on an agent, or the run in the main job. Times: milliseconds since the epoch. */
export interface AttemptModel {
  /** Counts from 1; 0 in the main job. */
  readonly number: number;
  /** Index into `agents`; null: the main job. */
  readonly agent: number | null;
  /** When the coordinator assigned it to its agent, by the coordinator's clock. */
  readonly assignedMs: number;
  /**
   * When its task ran. The duration is its agent's; the place is the agent's where the clocks agree, see `placeAttempt`.
   * Null until it ends; a lost attempt has only the moment at which it was given up.
   */
  startMs: number | null;
  endMs: number | null;
  /** It began while an earlier attempt ran for longer than usual; the first result of the two counts, and the other is `stopped`. */
  second?: true | undefined;
  /** `lost`: no fault of the task; `running`: until the end is known. */
  outcome: 'running' | 'success' | 'failure' | 'lost' | 'stopped';
  code: number | null;
  reason: Reason | null;
  /** Null if its agent measured nothing, and in the main job. */
  measured: Measured | null;
  /** When the coordinator accepted its result, by the coordinator's clock; null: unknown. */
  acceptedMs: number | null;
  /** From the end of storing, or of running where nothing was measured, until then; null: unknown, and for a task of a batch. */
  reportMs: number | null;
}

export interface TaskModel {
  readonly id: string;
  readonly project: string;
  readonly target: string;
  readonly configuration: string | null;
  /** Indexes into the run's `tasks`. */
  readonly dependencies: number[];
  readonly hash: string | null;
  readonly cacheable: boolean;
  /** `waiting` and `running` until it has ended. */
  status: TaskStatus | 'waiting' | 'running';
  code: number | null;
  /** The cache that had the result; null: it ran. */
  from: CacheSource | null;
  /** Which other pipeline has made the result; null: none, it ran, or it is not known. */
  origin: CacheOrigin | null;
  /** Why it had to run; null: it did not, or nobody asked. */
  miss: Miss | null;
  /** From earlier runs or the option `weights`; null: unknown. */
  expectedMs: number | null;
  /** It succeeded after a failure with the same inputs. */
  flaky: boolean;
  /** The one that counts is the last. */
  readonly attempts: AttemptModel[];
  /** When its results were complete on the main job; null until then. */
  doneMs: number | null;
  /** The end of its terminal output; null unless it failed. */
  output: string | null;
  reason: Reason | null;
}

export interface RunModel {
  readonly runId: string;
  readonly command: string;
  readonly parallel: number;
  readonly startMs: number;
  /** Null while it runs, or if the main job was stopped. */
  endMs: number | null;
  ok: boolean | null;
  readonly tasks: TaskModel[];
  /** Only in what `--format=json` prints: it follows from the rest. Null: there is nothing to compare. */
  readonly accuracy?: RunAccuracy | null | undefined;
}

export interface AgentModel {
  readonly agentId: string;
  readonly name: string;
  readonly jobUrl: string | null;
  slots: number | null;
  readonly joinedMs: number;
  /** When it was last seen connected; null: it still is. */
  leftMs: number | null;
}

/** What a pipeline did, as far as the events tell. Plain data: its JSON is the format of `dte report --format=json`. */
export interface SessionModel {
  readonly version: typeof MODEL_VERSION;
  sessionId: string;
  pipeline: {
    readonly url: string | null;
    readonly ref: string | null;
    readonly commit: string | null;
  } | null;
  readonly agents: AgentModel[];
  readonly runs: RunModel[];
  readonly messages: { readonly atMs: number; readonly reason: Reason }[];
}

export const newModel = (): SessionModel => ({
  version: MODEL_VERSION,
  sessionId: '',
  pipeline: null,
  agents: [],
  runs: [],
  messages: [],
});
