import { type OutputList, type RemoveHow } from '@org/dte-nx-compat';
import { type LimitValues } from '@org/dte-protocol';

/** What finds and removes a task's outputs: nx-compat's `listOutputs` and `removeOutputs`, bound to a workspace. */
export interface OutputsPort {
  /** All that these outputs name and that exists, by paths relative to the workspace, with `/`. */
  list(outputs: readonly string[]): Promise<OutputList>;
  /** Deletes what `list` finds; an output that is a link to a folder stays, and what is behind it goes by default. */
  remove(outputs: readonly string[], how?: RemoveHow): void | Promise<void>;
  /** Tells which paths these outputs take in, whether they exist or not: nx-compat's `declaredOutputs`. */
  covers(outputs: readonly string[]): (path: string) => boolean;
}

/** The limits an archive is held to. */
export type ArchiveLimits = Pick<LimitValues, 'artifactBytes' | 'terminalOutputBytes'>;
