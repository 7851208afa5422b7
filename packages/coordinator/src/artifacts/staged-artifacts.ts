import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { DirectWrite, GuardedStaging, StagedName } from '@org/dte-cache';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { diskError, type FileSystem } from '../files/file-system';
import {
  type ArtifactKey,
  type ArtifactStore,
  describeKey,
  type PutOptions,
  type Receipt,
  type StoredArtifact,
} from './artifact-store';
import { entryName } from './entry-name';
import { type Staged, StagedFolder } from './staged-folder';
import { alreadyStored } from './upload';

/** Only what Nx caches: its digest is known before it is sent, and it is large. */
type CacheKey = Extract<ArtifactKey, { hash: string }>;

export interface StagedArtifactsOptions {
  /** The folder of all sessions. */
  readonly root: string;
  readonly fs: FileSystem;
  readonly staging: GuardedStaging;
  readonly limits: Pick<LimitValues, 'directUploadBytes' | 'directUploadSessionBytes'>;
  /** An artifact was lost there, and is made again. */
  readonly warn: (session: string, line: string) => void;
}

/** What is known of one session. */
interface Opened {
  readonly folder: StagedFolder;
  /** Contents for which addresses were given, or that are there. */
  readonly offered: Set<string>;
  offeredBytes: number;
  /** How many uploads of an artifact arrive here, and whether it is looked for in the bucket: of the two, the first one is kept. */
  readonly arriving: Map<string, number>;
  readonly committing: Map<string, Promise<unknown>>;
  /** Those whose body broke off when it was read through here. */
  readonly broken: Set<string>;
  /** Who has put it there: whoever did not get the answer asks again. */
  readonly committedBy: Map<string, string>;
}

/**
 * Artifacts of sessions of which some are in a bucket, where jobs have put them themselves. For everybody who asks they are like any other: the
 * coordinator knows their size and digest, and the bucket has proven both. If one cannot be read, it is missing from
 * then on, like a file that somebody has deleted: its task runs again, and its key is free.
 */
export class StagedArtifacts implements ArtifactStore {
  private readonly sessions = new Map<string, Promise<Opened>>();

  constructor(
    private readonly inner: ArtifactStore,
    private readonly options: StagedArtifactsOptions,
  ) {}

  /** False: nobody needs to ask for addresses. */
  get isOn(): boolean {
    return this.options.staging.isOn;
  }

  /**
   * Where a job can put these bytes; null: they are to be sent here.
   * @throws DteError DTE_ARTIFACT_EXISTS
   */
  async offer(key: CacheKey, staged: Staged): Promise<DirectWrite | null> {
    const { staging, limits } = this.options;
    if (staged.bytes < limits.directUploadBytes || staged.bytes > staging.maxBytes) return null;
    if (await this.has(key)) throw alreadyStored(key);
    const opened = await this.opened(key.sessionId);
    if (!opened.offered.has(contentOf(staged))) {
      const bytes = opened.offeredBytes + staged.bytes;
      if (bytes > limits.directUploadSessionBytes) return null;
      opened.offered.add(contentOf(staged));
      opened.offeredBytes = bytes;
    }
    const place = await this.onDisk(key, () => opened.folder.makePlace());
    return staging.addressFor({ place, ...staged });
  }

  /**
   * A job says that it has put these bytes there. They are its artifact from now on, if the bucket proves it.
   * @param by the client
   * @returns where they are
   * @throws DteError DTE_ARTIFACT_EXISTS, DTE_ARTIFACT_MISSING (also if the bucket does not answer), DTE_ARTIFACT_DAMAGED, DTE_DISK_FULL
   */
  async commit(key: CacheKey, staged: Staged, by: string): Promise<StagedName> {
    const opened = await this.opened(key.sessionId);
    const entry = entryName(key);
    while (opened.committing.has(entry)) await opened.committing.get(entry);
    const known = opened.folder.entries.get(entry);
    if (known?.sha256 === staged.sha256 && opened.committedBy.get(entry) === by)
      return { place: await opened.folder.makePlace(), ...known };
    const committing = this.take(opened, key, staged, by);
    opened.committing.set(
      entry,
      committing.catch(() => undefined).finally(() => opened.committing.delete(entry)),
    );
    return committing;
  }

  /** Where an artifact can be read without this process; null: nowhere, or not known. */
  async elsewhere(key: ArtifactKey): Promise<(Staged & { readonly address: string }) | null> {
    if (await this.inner.has(key)) return null;
    const name = await this.nameOf(key);
    const address = name === null ? null : await this.options.staging.readDirectly(name);
    return name === null || address === null ? null : { ...name, address };
  }

  async has(key: ArtifactKey): Promise<boolean> {
    return (await this.inner.has(key)) || (await this.nameOf(key)) !== null;
  }

  async bytesOf(key: ArtifactKey): Promise<number | null> {
    return (await this.inner.bytesOf(key)) ?? (await this.nameOf(key))?.bytes ?? null;
  }

  async put(key: ArtifactKey, body: Readable, options: PutOptions): Promise<Receipt> {
    if (key.kind !== 'cache') return this.inner.put(key, body, options);
    const { folder, arriving, committing } = await this.opened(key.sessionId);
    const entry = entryName(key);
    while (committing.has(entry)) await committing.get(entry);
    if (folder.entries.has(entry)) throw alreadyStored(key);
    arriving.set(entry, (arriving.get(entry) ?? 0) + 1);
    try {
      return await this.inner.put(key, body, options);
    } finally {
      const left = (arriving.get(entry) ?? 1) - 1;
      if (left > 0) arriving.set(entry, left);
      else arriving.delete(entry);
    }
  }

  async get(key: ArtifactKey): Promise<StoredArtifact | null> {
    const found = await this.inner.get(key);
    const name = found === null ? await this.nameOf(key) : null;
    if (name === null) return found;
    const body = await this.options.staging.read(name);
    if (body === null) await this.lose(key, name, 'could not be read');
    else body.once('error', (thrown) => void this.brokeOff(key, name, thrown));
    return body === null ? null : { ...name, body };
  }

  /** Those that are here: they are found first. */
  getNow(key: ArtifactKey): StoredArtifact | null {
    return this.inner.getNow?.(key) ?? null;
  }

  async check(key: ArtifactKey): Promise<'good' | 'removed' | 'absent'> {
    const state = await this.inner.check(key);
    const name = state === 'absent' ? await this.nameOf(key) : null;
    if (name === null) return state;
    const body = await this.options.staging.read(name);
    if (body !== null && (await digestOf(body)) === name.sha256) return 'good';
    await this.lose(key, name, 'is damaged');
    return 'removed';
  }

  async deleteSession(sessionId: string): Promise<void> {
    const { folder } = await this.opened(sessionId);
    this.sessions.delete(sessionId);
    await this.inner.deleteSession(sessionId);
    const { place } = folder;
    await folder.delete();
    // In the background: no other session will ever have this place.
    if (place !== null) void this.options.staging.clear(place);
  }

  unloadSession(sessionId: string): void {
    this.sessions.delete(sessionId);
    this.inner.unloadSession(sessionId);
  }

  private async take(
    { folder, arriving, committedBy }: Opened,
    key: CacheKey,
    staged: Staged,
    by: string,
  ): Promise<StagedName> {
    const entry = entryName(key);
    // One that arrives here meanwhile may still fail. Then nothing is stored, and whoever asks what is held learns it.
    if (arriving.has(entry) || folder.entries.has(entry) || (await this.inner.has(key)))
      throw alreadyStored(key);
    const name = { place: await this.onDisk(key, () => folder.makePlace()), ...staged };
    await this.requireWhole(key, name);
    await this.onDisk(key, () => folder.add(entry, staged));
    committedBy.set(entry, by);
    return name;
  }

  private async requireWhole(key: CacheKey, name: StagedName): Promise<void> {
    const { staging } = this.options;
    const state = await staging.look(name);
    if (state === 'whole') return;
    const what = `the artifact for ${describeKey(key)}`;
    if (state === 'other') {
      await staging.remove(name);
      throw new DteError('DTE_ARTIFACT_DAMAGED', `The bucket cannot prove that it has ${what} as announced.`);
    }
    const why = state === 'absent' ? 'does not have' : 'does not say whether it has';
    throw new DteError('DTE_ARTIFACT_MISSING', `The bucket ${why} ${what}.`);
  }

  /** Once is the network's chance to be at fault; a reader asks again. */
  private async brokeOff(key: ArtifactKey, name: StagedName, thrown: Error): Promise<void> {
    const { broken } = await this.opened(key.sessionId);
    if (broken.has(entryName(key))) await this.lose(key, name, `breaks off (${thrown.message})`);
    broken.add(entryName(key));
  }

  private async lose(key: ArtifactKey, name: StagedName, how: string): Promise<void> {
    const { folder, broken } = await this.opened(key.sessionId);
    const { staging, warn } = this.options;
    const current = folder.entries.get(entryName(key));
    if (current?.sha256 !== name.sha256) return;
    await folder.drop(entryName(key));
    broken.delete(entryName(key));
    warn(
      key.sessionId,
      `The artifact for ${describeKey(key)} ${how} in the bucket; it is missing from now on, and its task runs again.`,
    );
    void staging.remove(name);
  }

  private async nameOf(key: ArtifactKey): Promise<StagedName | null> {
    if (key.kind !== 'cache') return null;
    const { folder } = await this.opened(key.sessionId);
    const staged = folder.entries.get(entryName(key));
    return staged === undefined || folder.place === null ? null : { place: folder.place, ...staged };
  }

  private opened(sessionId: string): Promise<Opened> {
    const known = this.sessions.get(sessionId);
    if (known !== undefined) return known;
    const { fs, root } = this.options;
    const opening = StagedFolder.open(fs, `${root}/${sessionId}/staged`).then((folder): Opened => {
      const known = [...folder.entries.values()];
      return {
        folder,
        offered: new Set(known.map(contentOf)),
        offeredBytes: known.reduce((sum, { bytes }) => sum + bytes, 0),
        arriving: new Map(),
        committing: new Map(),
        broken: new Set(),
        committedBy: new Map(),
      };
    });
    this.sessions.set(sessionId, opening);
    opening.catch(() => this.sessions.delete(sessionId));
    return opening;
  }

  private async onDisk<T>(key: ArtifactKey, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      const path = `${this.options.root}/${key.sessionId}/staged`;
      throw diskError(thrown, `the artifact for ${describeKey(key)}`, path);
    }
  }
}

const contentOf = ({ bytes, sha256 }: Staged): string => `${sha256}.${bytes}`;

/** Null if it breaks off: what cannot be read is as good as lost. */
async function digestOf(body: Readable): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    for await (const piece of body) hash.update(piece as Buffer);
  } catch {
    return null;
  }
  return hash.digest('hex');
}
