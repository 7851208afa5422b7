import { OutputSharing } from '@org/dte-agent';
import { type OutputsPort } from '@org/dte-client';
import { staticParts, type NxTask, type TaskCache } from '@org/dte-nx-compat';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { addToRecord, outputsKey, readRecord, type Made } from './made-record';
import { isCopyOf, snapshotOf, type Snapshot } from './snapshot';

export interface MainDiskOptions {
  readonly workspaceRoot: string;
  readonly outputs: Pick<OutputsPort, 'list'>;
  readonly cache: Pick<TaskCache, 'lookupLocal'>;
  /** File of the session's record. */
  readonly path: string;
  /** Creates the data folder of the file. */
  readonly makeFolder: () => void;
}

/** The state of outputs on this disk. */
export type OutputsState =
  /** No command of this session has made or restored them. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'as-made'; readonly made: Made }
  /** Something else has changed, deleted or added a file since. `what` is text for messages. */
  | {
      readonly kind: 'changed';
      readonly made: Made;
      readonly what: string;
      /** Nothing is left of them: a task that makes or restores them starts without them, as on an agent. */
      readonly isGone: boolean;
    };

/** The outputs on the main job's disk, and their state after the commands of this session. */
export class MainDisk {
  private record: Promise<Map<string, Made>> | null = null;
  private readonly states = new Map<string, Promise<OutputsState>>();

  constructor(private readonly options: MainDiskOptions) {}

  /** Determined once for each list of outputs: their state before this command. */
  stateOf(outputs: readonly string[]): Promise<OutputsState> {
    const key = outputsKey(outputs);
    const state = this.states.get(key) ?? this.look(key);
    this.states.set(key, state);
    return state;
  }

  /** Files and folders of these outputs that are here, relative to the workspace. */
  async present(outputs: readonly string[]): Promise<string[]> {
    // Most outputs of most targets do not exist, and a lookup by Nx costs ten times as much as this check.
    const mayExist = outputs.some(
      (output) =>
        !output.startsWith('!') && existsSync(join(this.options.workspaceRoot, ...staticParts(output))),
    );
    return mayExist ? [...(await this.options.outputs.list(outputs)).roots] : [];
  }

  /** Outputs that an earlier command of the session did not restore, and that are still not here. */
  async absentSoFar(): Promise<Made[]> {
    const made = [...(await this.read()).values()].filter(({ absentIn }) => absentIn !== null);
    const states = await Promise.all(made.map(({ outputs }) => this.stateOf(outputs)));
    return made.filter((_, index) => states[index]?.kind === 'as-made');
  }

  /** Before a command: records the state of outputs that overlap those of its tasks. */
  async lookAround(tasks: readonly NxTask[]): Promise<void> {
    for (const { outputs } of overlapped(await this.read(), tasks)) await this.stateOf(outputs);
  }

  /**
   * Records the outputs after a command, and again those that were unchanged until its tasks wrote into them.
   * @param absentIn the run whose outputs of a task were not restored; null if they are here
   * @throws what the file system throws
   */
  async note(tasks: readonly NxTask[], absentIn: (taskId: string) => string | null): Promise<void> {
    const before = await this.read();
    const made: Made[] = [];
    for (const { id, outputs, hash, cache } of tasks) {
      if (outputs.length === 0) continue;
      const state = await this.states.get(outputsKey(outputs));
      const isChanged = state?.kind === 'changed' && !state.isGone;
      // A script's change of outputs that no cache has remains missing on agents, unless nothing of the change is left.
      if (cache !== true && isChanged && absentIn(id) === null) continue;
      const atMs = Date.now();
      const { digest } = await this.snapshot(outputs, atMs);
      const last = before.get(outputsKey(outputs));
      const isOther = last !== undefined && (last.hasVaried || last.hash !== (hash ?? null));
      const common = { taskId: id, outputs: [...outputs], hash: hash ?? null, digest };
      made.push({ ...common, atMs, absentIn: absentIn(id), hasVaried: isOther });
      await breathe();
    }
    if (made.length === 0) return;
    made.push(...(await this.changedByUs(before, tasks, made)));
    this.options.makeFolder();
    await addToRecord(this.options.path, made);
  }

  /**
   * Records that outputs that were not restored before are here now.
   * @throws what the file system throws
   */
  async arrived(made: readonly Made[]): Promise<void> {
    if (made.length === 0) return;
    const record = await this.read();
    const here: Made[] = [];
    for (const each of made) {
      const atMs = Date.now();
      const { digest } = await this.snapshot(each.outputs, atMs);
      here.push({ ...each, atMs, digest, absentIn: null });
    }
    for (const each of here) record.set(outputsKey(each.outputs), each);
    this.options.makeFolder();
    await addToRecord(this.options.path, here);
  }

  private async changedByUs(
    before: ReadonlyMap<string, Made>,
    tasks: readonly NxTask[],
    noted: readonly Made[],
  ): Promise<Made[]> {
    const known = new Set(noted.map(({ outputs }) => outputsKey(outputs)));
    const writers = tasks.filter(({ outputs }) => known.has(outputsKey(outputs)));
    const anew: Made[] = [];
    for (const last of overlapped(before, writers)) {
      const key = outputsKey(last.outputs);
      if (known.has(key)) continue;
      if ((await this.states.get(key))?.kind !== 'as-made') continue;
      const atMs = Date.now();
      anew.push({ ...last, atMs, digest: (await this.snapshot(last.outputs, atMs)).digest });
    }
    return anew;
  }

  private read(): Promise<Map<string, Made>> {
    return (this.record ??= readRecord(this.options.path));
  }

  private async snapshot(outputs: readonly string[], notedMs: number): Promise<Snapshot> {
    return snapshotOf(this.options.workspaceRoot, await this.present(outputs), notedMs);
  }

  private async look(key: string): Promise<OutputsState> {
    const made = (await this.read()).get(key);
    if (made === undefined) return { kind: 'unknown' };
    const now = await this.snapshot(made.outputs, made.atMs);
    if (now.digest === made.digest || (await this.isAsCached(made, now))) return { kind: 'as-made', made };
    return { kind: 'changed', made, what: whatChanged(made, now), isGone: now.files.length === 0 };
  }

  /** If only the times differ, another nx command has restored the same files again. */
  private async isAsCached({ taskId, hash, outputs, absentIn }: Made, { files }: Snapshot): Promise<boolean> {
    if (hash === null || absentIn !== null) return false;
    const [project = '', target = ''] = taskId.split(':');
    const task: NxTask = {
      id: taskId,
      target: { project, target },
      overrides: {},
      outputs: [...outputs],
      hash,
      cache: true,
    };
    const entry = (await this.options.cache.lookupLocal([task])).get(taskId);
    if (entry === undefined) return false;
    const paths = files.map(({ path }) => path);
    return isCopyOf(this.options.workspaceRoot, paths, entry.outputsPath);
  }
}

/** The entries of a record that share a folder with outputs of these tasks: `dist` for a task that has `dist/types`. */
function overlapped(record: ReadonlyMap<string, Made>, tasks: readonly NxTask[]): Made[] {
  const writers = new Set(tasks.map(({ id }) => `writer ${id}`));
  const all = [
    ...tasks.map(({ id, outputs }) => ({ id: `writer ${id}`, outputs, dependencies: [] })),
    ...[...record].map(([key, { outputs }]) => ({ id: `noted ${key}`, outputs, dependencies: [] })),
  ];
  const sharing = new OutputSharing(all);
  return [...record]
    .filter(([key]) => sharing.overlapping(`noted ${key}`).some((id) => writers.has(id)))
    .map(([, made]) => made);
}

function whatChanged({ taskId, outputs, atMs }: Made, { files }: Snapshot): string {
  const newest = [...files].sort((a, b) => b.changedMs - a.changedMs)[0];
  if (newest !== undefined && newest.changedMs > atMs)
    return `${newest.path} was changed after ${taskId} created it`;
  return `part of ${outputs.join(', ')} was changed or deleted after ${taskId} created it`;
}
