import { type LimitValues } from '@org/dte-protocol';

/** What finds and removes a task's outputs: nx-compat's `expandOutputs` and `removeOutputs`, bound to a workspace. */
export interface OutputsPort {
  /** Files and folders that exist for these outputs, relative to the workspace, with `/`. */
  expand(outputs: readonly string[]): string[] | Promise<string[]>;
  /** Deletes what `expand` finds. */
  remove(outputs: readonly string[]): void | Promise<void>;
  /** Tells which paths these outputs take in, whether they exist or not: nx-compat's `declaredOutputs`. */
  covers(outputs: readonly string[]): (path: string) => boolean;
}

/** The limits an archive is held to. */
export type ArchiveLimits = Pick<LimitValues, 'artifactBytes' | 'terminalOutputBytes'>;
