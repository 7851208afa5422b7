import { extractAttempt, type HttpClient, type OutputsPort } from '@org/dte-client';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { mkdir, readdir, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { makeDataFolder } from '../data-folder/data-folder';

export interface AttemptKeeperOptions {
  readonly http: Pick<HttpClient, 'getAttempt'>;
  readonly dataDir: string;
  readonly workspaceRoot: string;
  readonly runId: string;
  readonly limits: LimitValues;
}

/** What is on this disk of an attempt that was not the last. */
export interface KeptAttempt {
  readonly terminalOutput: string;
  /** Its file, relative to the workspace. */
  readonly path: string;
}

/** Of a folder, for people. Not a limit to set: file systems take names of 255 bytes, and a number may follow. */
const NAME_LENGTH = 120;
const OUTPUT_FILE = 'terminal-output.txt';

/**
 * Stores the output and files of failed attempts, outside the workspace's own files, which are those of the last
 * attempt: `<data folder>/attempts/<run>/<task>/<attempt>/terminal-output.txt` and `files/`, with their workspace
 * paths.
 */
export class AttemptKeeper {
  private readonly names = new Map<string, string>();
  private tidied: Promise<void> | null = null;

  constructor(private readonly options: AttemptKeeperOptions) {}

  /** Folder of this command's attempts, relative to the workspace. */
  get folder(): string {
    return relative(this.options.workspaceRoot, this.root) || '.';
  }

  /** @throws DteError if it cannot be fetched or written */
  async keep(taskId: string, attempt: number): Promise<KeptAttempt> {
    const { http, workspaceRoot, runId, limits } = this.options;
    await (this.tidied ??= this.tidy());
    const folder = join(this.root, this.nameOf(taskId), String(attempt));
    const files = join(folder, 'files');
    try {
      await mkdir(files, { recursive: true });
      const { terminalOutput } = await extractAttempt({
        source: await http.getAttempt(runId, taskId, attempt),
        workspaceRoot: files,
        taskId,
        outputs: [],
        port: onlyBelow(files),
        terminalOutput: 'collect',
        limits,
      });
      const path = join(folder, OUTPUT_FILE);
      await writeFile(path, terminalOutput);
      // Most failures leave no files.
      await rmdir(files).catch(() => undefined);
      return { terminalOutput, path: relative(workspaceRoot, path) };
    } catch (thrown) {
      await rm(folder, { recursive: true, force: true });
      throw DteError.from(thrown);
    }
  }

  private get root(): string {
    return join(this.options.dataDir, 'attempts', this.options.runId);
  }

  /** A recognizable name that no other task of the run has. */
  private nameOf(taskId: string): string {
    const known = this.names.get(taskId);
    if (known !== undefined) return known;
    const plain = taskId.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, NAME_LENGTH);
    const taken = new Set(this.names.values());
    let name = plain;
    for (let count = 2; taken.has(name); count++) name = `${plain}-${count}`;
    this.names.set(taskId, name);
    return name;
  }

  /** If a workspace outlives its job, old attempts are removed. */
  private async tidy(): Promise<void> {
    const all = join(makeDataFolder(this.options.dataDir), 'attempts');
    for (const runId of await readdir(all).catch((): string[] => [])) {
      const path = join(all, runId);
      const { mtimeMs } = await stat(path);
      if (Date.now() - mtimeMs > this.options.limits.flakyMs)
        await rm(path, { recursive: true, force: true });
    }
  }
}

/** In its own folder, nothing needs to be replaced; what could not be read completely is removed with it. */
const onlyBelow = (folder: string): OutputsPort => ({
  list: () => Promise.resolve({ entries: [], through: [], roots: [] }),
  remove: async () => {
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
  },
  covers: () => () => true,
});
