import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type ProcessExit, RunningProcess } from '../process';

export interface RunOptions {
  /** Added to the machine's environment; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  /** For messages; default: the machine's name. */
  name?: string;
  onOutput?: (text: string) => void;
  /** The process accepts typed input. */
  keys?: boolean;
  /** Timeout of `run` in milliseconds; default two minutes. */
  deadlineMs?: number;
}

/**
 * What one CI job has: its own clone, HOME, caches and temporary folder, and an environment without anything of the
 * surrounding machine.
 */
export class Machine {
  constructor(
    readonly name: string,
    /** Contains everything of this machine. */
    readonly folder: string,
    readonly env: Readonly<Record<string, string>>,
    private readonly started: (process: RunningProcess) => void,
  ) {}

  /** The clone. */
  get workspace(): string {
    return join(this.folder, 'workspace');
  }

  start(command: string, args: readonly string[], options: RunOptions = {}): RunningProcess {
    const env: Record<string, string> = {};
    for (const [name, value] of Object.entries({ ...this.env, ...options.env })) {
      if (value !== undefined) env[name] = value;
    }
    const process = new RunningProcess({
      name: options.name ?? this.name,
      command,
      args,
      cwd: this.workspace,
      env,
      ...(options.onOutput ? { onOutput: options.onOutput } : {}),
      ...(options.keys ? { keys: true } : {}),
    });
    this.started(process);
    return process;
  }

  async run(command: string, args: readonly string[], options: RunOptions = {}): Promise<ProcessExit> {
    return await this.start(command, args, options).end(options.deadlineMs);
  }

  /** `npx nx ...` without npx, which takes half a second. */
  startNx(args: readonly string[], options: RunOptions = {}): RunningProcess {
    return this.start(this.path('node_modules/.bin/nx'), args, options);
  }

  async nx(args: readonly string[], options: RunOptions = {}): Promise<ProcessExit> {
    return await this.startNx(args, options).end(options.deadlineMs);
  }

  /** `npx dte ...` */
  startDte(args: readonly string[], options: RunOptions = {}): RunningProcess {
    return this.start(this.path('node_modules/.bin/dte'), args, options);
  }

  async dte(args: readonly string[], options: RunOptions = {}): Promise<ProcessExit> {
    return await this.startDte(args, options).end(options.deadlineMs);
  }

  path(...parts: string[]): string {
    return join(this.workspace, ...parts);
  }

  exists(path: string): boolean {
    return existsSync(this.path(path));
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8');
  }

  /** Writes a file of the clone, as a new file, because other machines share the files in node_modules. */
  write(path: string, text: string): void {
    rmSync(this.path(path), { force: true });
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  /** Files below a folder of the clone, sorted, relative to it; none if it does not exist. */
  filesBelow(path: string): string[] {
    if (!this.exists(path)) return [];
    return readdirSync(this.path(path), { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.path(path).length + 1))
      .sort();
  }

  /** Removes every result: local caches, Nx's database and the outputs. A coordinator's data stays. */
  forget(): void {
    for (const cache of ['nx-cache', 'nx-data'])
      rmSync(join(this.folder, cache), { recursive: true, force: true });
    rmSync(this.path('dist'), { recursive: true, force: true });
  }

  /**
   * Like `forget`, including a coordinator's data, but nothing is deleted before the machine is: file systems avoid
   * blocks that were freed in the last seconds (ext4 checks each of them), and that would affect a measurement.
   */
  setAside(outputs: readonly string[]): void {
    const aside = mkdtempSync(join(this.folder, 'aside-'));
    const sources = ['nx-cache', 'nx-data', ...['.nx', ...outputs].map((path) => join('workspace', path))];
    sources.forEach((source, index) => {
      if (existsSync(join(this.folder, source)))
        renameSync(join(this.folder, source), join(aside, String(index)));
    });
  }
}
