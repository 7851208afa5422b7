import { type Artifact, type ClosureEntry } from '@org/dte-protocol';

/** Where an agent's log goes; `process.stdout` is one. */
export interface LogStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Where stop signals come from; `process` is one. */
export interface SignalSource {
  on(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
  off(signal: 'SIGTERM' | 'SIGINT', listener: () => void): unknown;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Keeps the disk of an agent that shares it with somebody else (the worker of a main job): outputs come and go by one
 * hand only, so that nothing is restored twice, or while a task writes there.
 */
export interface DiskKeeper {
  /** Resolves when the outputs of a dependency are on disk. */
  bring(entry: ClosureEntry): Promise<void>;
  /** A task is about to run, and writes its outputs until `over`. */
  began(taskId: string): void;
  /**
   * Its processes are gone.
   * @param artifact what it has made and stored; null: nothing, and what is on disk is of no use
   */
  over(taskId: string, artifact: Artifact | null): void;
}
