import { type LimitValues } from '@org/dte-protocol';

/** What finds and removes a task's outputs: nx-compat's `expandOutputs` and `removeOutputs`, bound to a workspace. */
export interface OutputsPort {
  /** Files and folders that exist for these outputs, relative to the workspace, with `/`. */
  expand(outputs: readonly string[]): string[] | Promise<string[]>;
  /** Deletes what `expand` finds. */
  remove(outputs: readonly string[]): void | Promise<void>;
}

/** The limits an archive is held to. */
export type ArchiveLimits = Pick<LimitValues, 'artifactBytes' | 'terminalOutputBytes'>;
