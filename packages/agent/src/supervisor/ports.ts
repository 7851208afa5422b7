import { type Artifact, type ClosureEntry } from '@org/dte-protocol';

/** Where an agent's log goes, for example `process.stdout`. */
export interface LogStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Where stop signals come from, for example `process`. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Manages a disk that an agent shares (the worker of a main job): only one side restores and removes outputs, so that
 * nothing is restored twice, or while a task writes there.
 */
export interface DiskKeeper {
  /** Of the `SharedOutputs` by which it restores: tasks that write to the same outputs and its restores take turns there. */
  readonly sharedFolder: string;
  /** Resolves when the outputs of a dependency are on disk. */
  bring(entry: ClosureEntry): Promise<void>;
  /** A task is about to run, and writes its outputs until `over`. */
  began(taskId: string): void;
  /**
   * Its processes have exited.
   * @param artifact what it has made and stored; null: nothing, and what is on disk must not be used
   */
  over(taskId: string, artifact: Artifact | null): void;
}
