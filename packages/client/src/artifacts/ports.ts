import { type OutputList, type RemoveHow } from '@org/dte-nx-compat';
import { type LimitValues } from '@org/dte-protocol';

/** Finds and removes a task's outputs: nx-compat's `listOutputs` and `removeOutputs`, bound to a workspace. */
export interface OutputsPort {
  /** Everything that these outputs name and that exists, with paths relative to the workspace, with `/`. */
  list(outputs: readonly string[]): Promise<OutputList>;
  /** Deletes what `list` finds; an output that is a link to a folder stays, and by default its target's content is deleted. */
  remove(outputs: readonly string[], how?: RemoveHow): void | Promise<void>;
  /** Decides which paths these outputs include, existing or not: nx-compat's `declaredOutputs`. */
  covers(outputs: readonly string[]): (path: string) => boolean;
}

/** The limits for an archive. */
export type ArchiveLimits = Pick<LimitValues, 'artifactBytes' | 'terminalOutputBytes'>;
