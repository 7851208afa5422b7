import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DteError } from '@org/dte-protocol';

/** Runs kept at a time: what a session has open is far fewer, and one that is asked for again is fetched again. */
const KEPT_RUNS = 32;

/**
 * The specs of runs as files, fetched once per agent for all of its executors. Never parsed here: 100,000 tasks would
 * stop the heartbeat for seconds.
 */
export class RunFiles {
  private readonly files = new Map<string, Promise<string>>();

  constructor(
    private readonly folder: string,
    private readonly fetch: (runId: string) => Promise<Readable>,
  ) {}

  /** Path of the file. A failed fetch is tried again at the next call. @throws DteError */
  get(runId: string): Promise<string> {
    const known = this.files.get(runId);
    if (known !== undefined) return known;
    const file = this.load(runId);
    this.files.set(runId, file);
    file.catch(() => this.files.delete(runId));
    this.forgetOldest();
    return file;
  }

  /** Deletes all files. */
  async close(): Promise<void> {
    this.files.clear();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async load(runId: string): Promise<string> {
    const path = join(this.folder, `${runId}.json`);
    try {
      await mkdir(this.folder, { recursive: true });
      await pipeline(await this.fetch(runId), createWriteStream(`${path}.part`));
      await rename(`${path}.part`, path);
      return path;
    } catch (thrown) {
      throw DteError.from(thrown, 'DTE_NO_COORDINATOR');
    }
  }

  private forgetOldest(): void {
    const [oldest] = this.files;
    if (oldest === undefined || this.files.size <= KEPT_RUNS) return;
    this.files.delete(oldest[0]);
    void oldest[1].then((path) => rm(path, { force: true })).catch(() => undefined);
  }
}
