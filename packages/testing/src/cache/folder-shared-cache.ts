import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { link, mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CacheArea, CacheEntry, DirectRead, EntryName, SharedCache } from '@org/dte-cache';

/**
 * A shared cache in a folder, for specs: two files for each entry, and nothing else. Several processes may have it open.
 * `<project>/<scope>/<kind>-<hash>.json` is the entry, `.bin` its bytes.
 */
export class FolderSharedCache implements SharedCache {
  readonly description: string;
  flushes = 0;
  isClosed = false;

  constructor(readonly root: string) {
    this.description = `the folder ${root}`;
  }

  async find(area: CacheArea, names: readonly EntryName[]): Promise<CacheEntry[]> {
    const entries = await Promise.all(names.map((name) => this.entryOf(area, name)));
    return entries.filter((entry) => entry !== null);
  }

  async read(area: CacheArea, entry: CacheEntry): Promise<Readable | null> {
    try {
      return (await open(`${this.pathOf(area, entry)}.bin`)).createReadStream();
    } catch {
      return null;
    }
  }

  readDirectly(): Promise<DirectRead | null> {
    return Promise.resolve(null);
  }

  async write(
    area: CacheArea,
    entry: CacheEntry,
    opened: () => Readable,
    signal: AbortSignal,
  ): Promise<'stored' | 'exists'> {
    const path = this.pathOf(area, entry);
    await mkdir(this.folderOf(area), { recursive: true });
    const temp = join(this.root, `temp-${randomUUID()}`);
    try {
      await pipeline(opened(), createWriteStream(`${temp}.bin`), { signal });
      await this.requireSame(`${temp}.bin`, entry);
      await writeFile(`${temp}.json`, JSON.stringify(entry));
      // The first that has its bytes there has the name.
      await link(`${temp}.bin`, `${path}.bin`);
      await link(`${temp}.json`, `${path}.json`);
      return 'stored';
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'EEXIST') return 'exists';
      throw thrown;
    } finally {
      await rm(`${temp}.bin`, { force: true });
      await rm(`${temp}.json`, { force: true });
    }
  }

  async remove(area: CacheArea, entry: CacheEntry): Promise<void> {
    const current = await this.entryOf(area, entry);
    if (current?.sha256 !== entry.sha256) return;
    for (const part of ['json', 'bin']) await rm(`${this.pathOf(area, entry)}.${part}`, { force: true });
  }

  async forget(project: Pick<CacheArea, 'issuer' | 'projectId'>, pipelineId: string): Promise<number> {
    let forgotten = 0;
    for (const scope of await readdir(this.projectFolder(project)).catch(() => [])) {
      const area = { ...project, scope };
      for (const file of await readdir(this.folderOf(area))) {
        if (!file.endsWith('.json')) continue;
        const entry = await readEntry(join(this.folderOf(area), file));
        if (entry?.origin.pipelineId !== pipelineId) continue;
        await this.remove(area, entry);
        forgotten += 1;
      }
    }
    return forgotten;
  }

  flush(): Promise<void> {
    this.flushes += 1;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  /** Without extension. For specs that damage it. */
  pathOf(area: CacheArea, { kind, hash }: EntryName): string {
    return join(this.folderOf(area), `${kind}-${hash}`);
  }

  private folderOf(area: CacheArea): string {
    return join(this.projectFolder(area), area.scope);
  }

  private projectFolder({ issuer, projectId }: Pick<CacheArea, 'issuer' | 'projectId'>): string {
    const instance = createHash('sha256').update(issuer).digest('hex');
    return join(this.root, `${instance}-${projectId}`);
  }

  private async entryOf(area: CacheArea, name: EntryName): Promise<CacheEntry | null> {
    return readEntry(`${this.pathOf(area, name)}.json`);
  }

  private async requireSame(path: string, { bytes, sha256 }: CacheEntry): Promise<void> {
    const hash = createHash('sha256');
    let size = 0;
    for await (const piece of createReadStream(path)) {
      hash.update(piece as Buffer);
      size += (piece as Buffer).length;
    }
    if (size !== bytes || hash.digest('hex') !== sha256)
      throw new Error('The body is not that of the entry.');
  }
}

async function readEntry(path: string): Promise<CacheEntry | null> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as CacheEntry;
  } catch {
    return null;
  }
}
