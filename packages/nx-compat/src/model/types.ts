/**
 * The parts of Nx's data that we touch, described by shape and not by any one version's types: a value made by
 * nx 20.8 and one made by nx 24 both fit. Fields we do not read are left out on purpose.
 */

/** Nx's name for "which configuration of which target of which project". */
export interface NxTarget {
  project: string;
  target: string;
  configuration?: string;
}

/** What a hash was made of, as far as Nx tells. `nodes` maps an input's name to its own hash. */
export interface NxHashDetails {
  command: string;
  nodes: Record<string, string>;
  implicitDeps?: Record<string, string>;
  runtime?: Record<string, string>;
}

/** One task. Nx mutates `hash`, `hashDetails`, `startTime` and `endTime` (milliseconds since 1970) while it runs. */
export interface NxTask {
  id: string;
  target: NxTarget;
  /** Always holds `__overrides_unparsed__`; an empty list when there are none. */
  overrides: Record<string, unknown>;
  /** Workspace-relative paths or globs. */
  outputs: string[];
  projectRoot?: string;
  hash?: string;
  hashDetails?: NxHashDetails;
  cache?: boolean;
  parallelism?: boolean;
  continuous?: boolean;
  startTime?: number;
  endTime?: number;
}

/** An edge as 24 writes it; `waitFor` and `inputs` exist there only and are carried, not read. */
export interface NxEdge {
  id: string;
  [extra: string]: unknown;
}

/** A task graph whose edges are as this Nx version writes them: plain ids on 20-23, objects on 24. */
export interface RawTaskGraph {
  roots: string[];
  tasks: Record<string, NxTask>;
  dependencies: Record<string, readonly (string | NxEdge)[]>;
  continuousDependencies?: Record<string, readonly (string | NxEdge)[]> | undefined;
}

/** A task graph with every edge an object and `continuousDependencies` present: what the rest of the project sees. */
export interface TaskGraph {
  roots: string[];
  tasks: Record<string, NxTask>;
  dependencies: Record<string, NxEdge[]>;
  continuousDependencies: Record<string, NxEdge[]>;
}

export interface NxTargetConfiguration {
  executor?: string;
  options?: Record<string, unknown>;
  [extra: string]: unknown;
}

export interface NxProjectNode {
  name: string;
  type: string;
  data: { root: string; targets?: Record<string, NxTargetConfiguration>; [extra: string]: unknown };
}

export interface NxProjectGraph {
  nodes: Record<string, NxProjectNode>;
  dependencies: Record<string, unknown>;
  externalNodes?: Record<string, unknown>;
  [extra: string]: unknown;
}

/** The statuses Nx gives a task. `stopped` exists from 22 on, the others everywhere. */
export type NxTaskStatus =
  | 'success'
  | 'failure'
  | 'skipped'
  | 'local-cache'
  | 'local-cache-kept-existing'
  | 'remote-cache'
  | 'stopped';

export interface NxTaskResult {
  task: NxTask;
  status: NxTaskStatus;
  code: number;
  terminalOutput?: string | undefined;
}

/** Hooks Nx calls around tasks. All are optional, any may return a promise. */
export interface NxLifeCycle {
  startCommand?(threadCount?: number, discrete?: number): void | Promise<void>;
  endCommand?(...args: unknown[]): void | Promise<void>;
  scheduleTask?(task: NxTask): void | Promise<void>;
  startTasks?(tasks: NxTask[], metadata: { groupId: number }): void | Promise<void>;
  endTasks?(results: NxTaskResult[], metadata: { groupId: number }): void | Promise<void>;
  printTaskTerminalOutput?(task: NxTask, status: NxTaskStatus, output: string): void;
  [extra: string]: unknown;
}

/** What Nx passes a tasks runner as its second argument: our options of nx.json, the command's arguments, a life cycle. */
export interface NxRunnerOptions {
  lifeCycle: NxLifeCycle;
  parallel?: number | string | boolean;
  skipNxCache?: boolean;
  skipRemoteCache?: boolean;
  [extra: string]: unknown;
}

/** What Nx passes a tasks runner as its third argument. */
export interface NxRunnerContext {
  initiatingProject?: string | null;
  initiatingTasks?: NxTask[];
  projectGraph: NxProjectGraph;
  nxJson: Record<string, unknown>;
  nxArgs: { nxBail?: boolean; outputStyle?: string; skipNxCache?: boolean; [extra: string]: unknown };
  taskGraph: RawTaskGraph;
  hasher?: unknown;
  daemon?: unknown;
  [extra: string]: unknown;
}

/** Task id -> how it ended: what a tasks runner returns. */
export type NxStatuses = Record<string, NxTaskStatus>;
