import { DEFAULT_SESSION_SETTINGS, DteError } from '@org/dte-protocol';
import type { SchedulerState } from '@org/dte-scheduler';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Deserializer, Serializer } from 'node:v8';
import type { Snapshot } from '../journal/journal';
import type { LogMemory } from '../log/session-log';
import type { ForwardingRuns } from './forwarded-env';

/**
 * Version of `SessionImage` and of all that it holds. Raise it with every change of the scheduler's state after which
 * `step` cannot continue from an older state: a new field that it relies on, or a field with another meaning. A newer coordinator
 * reads the snapshots of its predecessor, and no other check would notice the difference.
 * `snapshot-format.spec.ts` fails when the shape changes.
 */
export const SNAPSHOT_FORMAT = 7;

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
 * How many tasks, log entries, edges, runs or agents are written or read in one turn of the event loop. 1,000 tasks take
 * about 10 ms on a slow machine. Not configurable: smaller parts only take longer.
 */
export const PART_MEMBERS = 1_000;

/** Lets the process answer what has come in. */
export type Breathe = () => Promise<void>;

/**
 * V8's own format, which structured clones use: it keeps maps, sets, -Infinity, undefined, and that several places refer to
 * one object (a lease belongs to its run, its agent and its task). JSON keeps none of these. Newer versions of Node read
 * what older ones wrote.
 *
 * Writing 100,000 tasks takes more than a second, so their records are written first, part by part. The image comes last and
 * only refers to what is already written: a serializer writes an object once, wherever it finds it again.
 *
 * The state must not change until it resolves: the driver applies nothing while a compaction runs.
 */
export async function encodeSnapshot(image: SessionImage, breathe: Breathe = nextTurn): Promise<Snapshot> {
  const { settings } = image.state.session;
  const stored: Stored = { ...image, isUnconfigured: settings === DEFAULT_SESSION_SETTINGS };
  const serializer = new Serializer();
  serializer.writeHeader();
  for (const part of partsOf(image)) {
    serializer.writeValue(part);
    await breathe();
  }
  serializer.writeValue(stored);
  return { format: SNAPSHOT_FORMAT, bytes: serializer.releaseBuffer() };
}

/**
 * What there can be many of: members in arrays of `PART_MEMBERS`, and each list of them on its own, once its members are
 * written. Whatever is not among the parts is written with the image.
 */
export function* partsOf({ state: { runs, agents } }: SessionImage): Generator<unknown[], void, undefined> {
  for (const run of runs.values()) {
    const { tasks, log, graph } = run;
    for (const list of [tasks, log.entries, graph.dependencies, graph.dependants]) yield* inParts(list);
    if (tasks.length > 0)
      for (const list of [
        graph.ids,
        graph.indexOf,
        graph.priority,
        graph.rankMs,
        graph.weightMs,
        graph.expectedMs,
      ])
        yield [list];
  }
  yield* inParts([...agents.values()]);
  yield* inParts([...runs.values()]);
}

function* inParts(list: readonly unknown[]): Generator<unknown[], void, undefined> {
  for (let at = 0; at < list.length; at += PART_MEMBERS) yield list.slice(at, at + PART_MEMBERS);
  if (list.length > PART_MEMBERS) yield [list];
}

/**
 * @param folder of the session, for the message
 * @throws DteError DTE_JOURNAL_CORRUPT: another version of this package, or of Node, wrote it
 */
export async function decodeSnapshot(
  { format, bytes }: Snapshot,
  folder: string,
  breathe: Breathe = nextTurn,
): Promise<SessionImage> {
  if (format !== SNAPSHOT_FORMAT) {
    throw new DteError(
      'DTE_JOURNAL_CORRUPT',
      `Another version of @org/dte wrote the snapshot in the journal of ${folder}: its format is ${format}, and this version reads ${SNAPSHOT_FORMAT}. The session goes on when that version is started again; this one leaves the folder as it is, and serves all others.`,
    );
  }
  // The journal has verified the sha256, and the format identifies the content.
  const { isUnconfigured, ...image } = await read(bytes, folder, breathe);
  if (isUnconfigured) image.state.session.settings = DEFAULT_SESSION_SETTINGS;
  return image;
}

async function read(bytes: Buffer, folder: string, breathe: Breathe): Promise<Stored> {
  try {
    const deserializer = new Deserializer(bytes);
    deserializer.readHeader();
    for (;;) {
      const value: unknown = deserializer.readValue();
      // Parts are arrays; the image is not.
      if (!Array.isArray(value)) return value as Stored;
      await breathe();
    }
  } catch (cause) {
    throw new DteError(
      'DTE_JOURNAL_CORRUPT',
      `This version of Node (${process.version}) cannot read the snapshot in the journal of ${folder}; a newer one wrote it.`,
      { cause },
    );
  }
}
