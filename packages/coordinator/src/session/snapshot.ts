import { DEFAULT_SESSION_SETTINGS, DteError } from '@org/dte-protocol';
import type { SchedulerState } from '@org/dte-scheduler';
import { deserialize, serialize } from 'node:v8';
import type { Snapshot } from '../journal/journal';
import type { LogMemory } from '../log/session-log';
import type { ForwardingRuns } from './forwarded-env';

/**
 * Version of `SessionImage` and of all that it holds. Raise it with every change of the scheduler's state after which
 * `step` cannot continue from an older state: a new field that it relies on, or a field with another meaning. A newer coordinator
 * reads the snapshots of its predecessor, and no other check would notice the difference.
 * `snapshot-format.spec.ts` fails when the shape changes.
 */
export const SNAPSHOT_FORMAT = 2;

/** Everything that a replay of the journal restores. */
export interface SessionImage {
  readonly state: SchedulerState;
  readonly forwarding: ForwardingRuns;
  readonly log: LogMemory;
}

interface Stored extends SessionImage {
  /** No settings were sent. The state shows this by the identity of its settings object, which a snapshot does not keep. */
  readonly isUnconfigured: boolean;
}

/**
 * V8's own format, which structured clones use: it keeps maps, sets, -Infinity, undefined, and that several places refer to
 * one object (a lease belongs to its run, its agent and its task). JSON keeps none of these. Newer versions of Node read
 * what older ones wrote.
 */
export function encodeSnapshot(image: SessionImage): Snapshot {
  const { settings } = image.state.session;
  const stored: Stored = { ...image, isUnconfigured: settings === DEFAULT_SESSION_SETTINGS };
  return { format: SNAPSHOT_FORMAT, bytes: serialize(stored) };
}

/**
 * @param folder of the session, for the message
 * @throws DteError DTE_JOURNAL_CORRUPT: another version of this package, or of Node, wrote it
 */
export function decodeSnapshot({ format, bytes }: Snapshot, folder: string): SessionImage {
  if (format !== SNAPSHOT_FORMAT) {
    throw new DteError(
      'DTE_JOURNAL_CORRUPT',
      `Another version of @org/dte wrote the snapshot in the journal of ${folder}: its format is ${format}, and this version reads ${SNAPSHOT_FORMAT}.`,
    );
  }
  // The journal has verified the sha256, and the format identifies the content.
  const { isUnconfigured, ...image } = read(bytes, folder);
  if (isUnconfigured) image.state.session.settings = DEFAULT_SESSION_SETTINGS;
  return image;
}

function read(bytes: Buffer, folder: string): Stored {
  try {
    return deserialize(bytes) as Stored;
  } catch (cause) {
    throw new DteError(
      'DTE_JOURNAL_CORRUPT',
      `This version of Node (${process.version}) cannot read the snapshot in the journal of ${folder}; a newer one wrote it.`,
      { cause },
    );
  }
}
