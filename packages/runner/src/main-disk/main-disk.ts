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
  /** Makes the data folder that the file is in. */
  readonly makeFolder: () => void;
}

/** How outputs lie on this disk. */
export type OutputsState =
  /** No command of this session has had to do with them. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'as-made'; readonly made: Made }
  /** Somebody else has changed, deleted or added a file since. `what` is for people. */
  | {
      readonly kind: 'changed';
      readonly made: Made;
      readonly what: string;
      /** Nothing is left of them: whoever makes or restores them does it from nothing, as an agent does. */
      readonly isGone: boolean;
    };

/** The outputs on the main job's disk, and how the commands of this session have left them. */
export class MainDisk {
  private record: Promise<Map<string, Made>> | null = null;
  private readonly states = new Map<string, Promise<OutputsState>>();

  constructor(private readonly options: MainDiskOptions) {}

  /** Asked once for each list of outputs: as they were before this command. */
  stateOf(outputs: readonly string[]): Promise<OutputsState> {
    const key = outputsKey(outputs);
    const state = this.states.get(key) ?? this.look(key);
    this.states.set(key, state);
    return state;
  }

  /** Files and folders of these outputs that are here, relative to the workspace. */
  async present(outputs: readonly string[]): Promise<string[]> {
    // Most outputs of most targets are not there, and asking Nx for them costs ten times as much as this.
    const mayExist = outputs.some(
      (output) =>
        !output.startsWith('!') && existsSync(join(this.options.workspaceRoot, ...staticParts(output))),
    );
    return mayExist ? [...(await this.options.outputs.list(outputs)).roots] : [];
  }

  /** What was left elsewhere by an earlier command of the session, and is not here to this day. */
  async absentSoFar(): Promise<Made[]> {
    const made = [...(await this.read()).values()].filter(({ absentIn }) => absentIn !== null);
    const states = await Promise.all(made.map(({ outputs }) => this.stateOf(outputs)));
    return made.filter((_, index) => states[index]?.kind === 'as-made');
  }

  /** Before a command: remembers how outputs lie that those of its tasks overlap. */
  async lookAround(tasks: readonly NxTask[]): Promise<void> {
    for (const { outputs } of overlapped(await this.read(), tasks)) await this.stateOf(outputs);
  }

  /**
   * Notes how a command leaves outputs, and again those that lay as they were made until its tasks wrote into them.
   * @param absentIn the run that has left those of a task elsewhere; null when they are here
   * @throws what the file system throws
   */
  async note(tasks: readonly NxTask[], absentIn: (taskId: string) => string | null): Promise<void> {
    const before = await this.read();
    const made: Made[] = [];
    for (const { id, outputs, hash, cache } of tasks) {
      if (outputs.length === 0) continue;
      const state = await this.states.get(outputsKey(outputs));
      const isChanged = state?.kind === 'changed' && !state.isGone;
      // What a script did to outputs that no cache has stays what agents do not have, unless nothing of it is left.
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
   * What was left elsewhere is here now.
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

  /** Times alone may differ: another command of Nx has put the same files there again. */
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

/** What of a record shares a folder with outputs of these tasks: `dist` of one that has `dist/types`. */
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
