import { DteError, plural } from '@org/dte-protocol';
import { dataDirOf, makeDataFolder } from '../data-folder/data-folder';
import { writeOutputIndex, type AbsentTask } from './output-index';
import type { Absent } from './outputs-here';
import type { Prepared } from '../prepare/prepare';

export interface NoteAbsentOptions {
  readonly absent: ReadonlyMap<string, Absent>;
  readonly runId: string;
  readonly command: string;
  readonly prepared: Prepared;
}

/** A unit. */
const MB = 1_000_000;

/** `3.2 MB`; small ones in kB. */
export const size = (bytes: number): string =>
  bytes < MB / 10 ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / MB).toFixed(1)} MB`;

/**
 * The line of the summary about outputs that were not downloaded.
 * @param bytes the known sizes
 */
export function absentLine(count: number, bytes: readonly (number | null)[]): string {
  const known = bytes.filter((each) => each !== null);
  const total = known.reduce((sum, each) => sum + each, 0);
  const how = known.length === 0 ? '' : ` (${known.length < count ? 'at least ' : ''}${size(total)})`;
  return `dte: ${plural(count, 'output')}${how} not downloaded · dte outputs <task>`;
}

/** Records what a command has not downloaded, for `dte outputs`. Errors here do not affect the command. */
export async function noteAbsent({ absent, runId, command, prepared }: NoteAbsentOptions): Promise<string> {
  const sizes = await askSizes(absent, prepared);
  const tasks = [...absent.values()].map(({ task, artifact, bytes }): AbsentTask => {
    const { id, target, outputs, hash } = task;
    const { project, target: name, configuration } = target;
    const known = artifact.kind === 'cache' ? sizes.get(artifact.hash) : bytes;
    return {
      id,
      outputs: [...outputs],
      hash: hash ?? null,
      artifact,
      bytes: known ?? bytes,
      target: { project, target: name, ...(configuration === undefined ? {} : { configuration }) },
    };
  });
  const line = absentLine(
    tasks.length,
    tasks.map(({ bytes }) => bytes),
  );
  const { session, resolved, workspaceRoot } = prepared;
  try {
    const dataDir = makeDataFolder(dataDirOf(resolved, workspaceRoot));
    const index = { version: 1 as const, sessionId: session.id, runId, command, atMs: Date.now(), tasks };
    await writeOutputIndex(dataDir, index);
    return line;
  } catch (thrown) {
    return `${line} cannot be used: ${DteError.from(thrown).message}`;
  }
}

/** One request for everything in the cache. Nothing waits if there is no answer. */
async function askSizes(
  absent: ReadonlyMap<string, Absent>,
  { session }: Prepared,
): Promise<Map<string, number>> {
  const hashes = [...absent.values()].flatMap(({ artifact }) =>
    artifact.kind === 'cache' ? [artifact.hash] : [],
  );
  if (hashes.length === 0 || session.connection.state.name !== 'open') return new Map();
  return session.http.askSizes(hashes).catch(() => new Map<string, number>());
}
