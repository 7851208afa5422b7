import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DteError } from '@org/dte-protocol';

/** Files of runs that are kept: more than a session has open. Not configurable: a run that was evicted is fetched again. */
const KEPT_RUNS = 32;

/** What executors need of a run. */
export interface RunInput {
  /** Path of the file with its spec. */
  readonly specFile: string;
  /** Values of the variables that it forwards: only in memory, because they may be secrets. */
  readonly forwarded: Readonly<Record<string, string>>;
}

export interface RunSource {
  spec(runId: string): Promise<Readable>;
  /** Waits for a main job that has not sent them yet. */
  forwarded(runId: string): Promise<Readonly<Record<string, string>>>;
}

/**
 * The specs of runs as files, downloaded once per agent for all its executors. Never parsed here: with 100,000 tasks,
 * that would block the heartbeat for seconds.
 */
export class RunFiles {
  private readonly files = new Map<string, Promise<RunInput>>();

  constructor(
    private readonly folder: string,
    private readonly source: RunSource,
  ) {}

  /** A failed download is retried at the next call. @throws DteError */
  get(runId: string): Promise<RunInput> {
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

  private async load(runId: string): Promise<RunInput> {
    const path = join(this.folder, `${runId}.json`);
    try {
      const forwarded = this.source.forwarded(runId);
      // Awaited below; the spec may fail first.
      forwarded.catch(() => undefined);
      await mkdir(this.folder, { recursive: true });
      await pipeline(await this.source.spec(runId), createWriteStream(`${path}.part`));
      await rename(`${path}.part`, path);
      return { specFile: path, forwarded: await forwarded };
    } catch (thrown) {
      throw DteError.from(thrown, 'DTE_NO_COORDINATOR');
    }
  }

  private forgetOldest(): void {
    const [oldest] = this.files;
    if (oldest === undefined || this.files.size <= KEPT_RUNS) return;
    this.files.delete(oldest[0]);
    void oldest[1].then(({ specFile }) => rm(specFile, { force: true })).catch(() => undefined);
  }
}
