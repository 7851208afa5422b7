/**
 * The parts of Nx's data that we use, described by shape and not by the types of one version: values of nx 20.8 and of
 * nx 24 both match. Fields that we do not read are deliberately omitted.
 */

/** Nx's identifier of a configuration of a target of a project. */
export interface NxTarget {
  project: string;
  target: string;
  configuration?: string;
}

/** The details of a hash, as far as Nx provides them. `nodes` maps an input's name to its own hash. */
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
  /** Always contains `__overrides_unparsed__`; an empty list if there are none. */
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

/** An edge as 24 writes it; `waitFor` and `inputs` exist only there, and are passed through unread. */
export interface NxEdge {
  id: string;
  [extra: string]: unknown;
}

/** A task graph with the edges of this Nx version: plain ids on 20-23, objects on 24. */
export interface RawTaskGraph {
  roots: string[];
  tasks: Record<string, NxTask>;
  dependencies: Record<string, readonly (string | NxEdge)[]>;
  continuousDependencies?: Record<string, readonly (string | NxEdge)[]> | undefined;
}

/** A task graph in which every edge is an object and `continuousDependencies` is present: the shape for all other code. */
export interface TaskGraph {
  roots: string[];
  tasks: Record<string, NxTask>;
  dependencies: Record<string, NxEdge[]>;
  continuousDependencies: Record<string, NxEdge[]>;
}

export interface NxTargetConfiguration {
  executor?: string;
  options?: Record<string, unknown>;
  configurations?: Record<string, unknown>;
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

/** Hooks that Nx calls around tasks. All are optional, and any may return a promise. */
export interface NxLifeCycle {
  startCommand?(threadCount?: number, discrete?: number): void | Promise<void>;
  endCommand?(...args: unknown[]): void | Promise<void>;
  scheduleTask?(task: NxTask): void | Promise<void>;
  startTasks?(tasks: NxTask[], metadata: { groupId: number }): void | Promise<void>;
  endTasks?(results: NxTaskResult[], metadata: { groupId: number }): void | Promise<void>;
  printTaskTerminalOutput?(task: NxTask, status: NxTaskStatus, output: string): void;
  [extra: string]: unknown;
}

/** The second argument of a tasks runner: our options from nx.json, the command's arguments, a life cycle. */
export interface NxRunnerOptions {
  lifeCycle: NxLifeCycle;
  parallel?: number | string | boolean;
  skipNxCache?: boolean;
  skipRemoteCache?: boolean;
  [extra: string]: unknown;
}

/** The third argument of a tasks runner. */
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

/** Task id -> how it ended: the result of a tasks runner. */
export type NxStatuses = Record<string, NxTaskStatus>;
