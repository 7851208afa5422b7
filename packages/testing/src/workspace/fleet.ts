import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProcessInfo, processesBelow, type RunningProcess, signalProcess, waitFor } from '../process';
import { Machine } from './machine';
import { type FleetOptions, type Git, type Origin, writtenOrigin } from './origin';

/** What a sample task recorded about itself. */
export interface JournalEntry {
  id: string;
  what: 'start' | 'end';
  machine: string;
  pid: number;
  /** Milliseconds since the epoch. */
  at: number;
}

export interface MachineOptions {
  /** Added to the environment. */
  env?: Record<string, string>;
  /** False: neither CI nor a rendezvous, as on a developer's machine. Default true. */
  ci?: boolean;
}

/** How long stopped processes may take to exit. */
const END_MS = 10_000;

/** A coordinator keeps running for late agents after its session has ended; no test wants to wait for that. */
const QUICK_END = { DTE_EMBEDDED_LINGER_MS: '1000' };

const GIT_CONFIG =
  '[user]\n\tname = Test\n\temail = test@example.com\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n';

/** What the sample tasks have written to this file (SAMPLE_JOURNAL) so far. */
export function readJournal(path: string): JournalEntry[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as JournalEntry);
}

/** One repository and the machines with clones of it, all below one temporary folder. */
export class Fleet {
  /** The first and the last commit: NX_BASE and NX_HEAD. */
  readonly base: string;
  readonly head: string;
  /** Variables that a pipeline sets for all its jobs. */
  readonly sessionEnv: Readonly<Record<string, string>>;
  private readonly machines = new Map<string, Machine>();
  private readonly processes: RunningProcess[] = [];

  private constructor(
    readonly folder: string,
    private readonly origin: Origin,
    private readonly env: Readonly<Record<string, string>>,
  ) {
    for (const part of ['home', 'gates']) mkdirSync(join(folder, part));
    writeFileSync(join(folder, 'home', '.gitconfig'), GIT_CONFIG);
    const repository = join(folder, 'origin');
    mkdirSync(repository);
    ({ base: this.base, head: this.head } = origin.create(repository, this.git));
    this.sessionEnv = {
      DTE_SESSION_ID: 'pipeline-1',
      DTE_RENDEZVOUS_DIR: join(folder, 'rendezvous'),
      ...QUICK_END,
    };
  }

  /** Creates the repository. The caller must `close` the fleet. */
  static create(options: FleetOptions): Fleet {
    const origin = writtenOrigin(options);
    // A short name: sockets are created below it, and a socket path is limited to about 100 characters.
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dte-')));
    try {
      return new Fleet(folder, origin, options.env ?? {});
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private readonly git: Git = (cwd, ...args) => {
    const env = { PATH: process.env['PATH'], HOME: join(this.folder, 'home'), GIT_CONFIG_NOSYSTEM: '1' };
    return execFileSync('git', args, {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  };

  /** A new machine with a fresh clone and cold caches. */
  machine(name: string, { env = {}, ci = true }: MachineOptions = {}): Machine {
    if (this.machines.has(name)) throw new Error(`There is a machine ${name} already.`);
    const folder = join(this.folder, name);
    for (const part of ['home', 't']) mkdirSync(join(folder, part), { recursive: true });
    writeFileSync(join(folder, 'home', '.gitconfig'), GIT_CONFIG);
    this.git(folder, 'clone', '--quiet', '--branch', 'change', join(this.folder, 'origin'), 'workspace');
    this.origin.furnish(join(folder, 'workspace'), this.git);
    const machine = new Machine(
      name,
      folder,
      {
        PATH: process.env['PATH'] ?? '',
        LANG: 'C.UTF-8',
        HOME: join(folder, 'home'),
        TMPDIR: join(folder, 't'),
        GIT_CONFIG_NOSYSTEM: '1',
        NX_DAEMON: 'false',
        NX_TUI: 'false',
        NX_CACHE_DIRECTORY: join(folder, 'nx-cache'),
        NX_WORKSPACE_DATA_DIRECTORY: join(folder, 'nx-data'),
        // For each workspace, Nx copies 20 MB to a machine-wide folder and never removes them.
        NX_NATIVE_FILE_CACHE_DIRECTORY: join(folder, 'nx-native'),
        NX_BASE: this.base,
        NX_HEAD: this.head,
        // Tasks print it, so the terminal output shows where they ran.
        MACHINE: name,
        SAMPLE_JOURNAL: join(this.folder, 'journal'),
        SAMPLE_GATES: join(this.folder, 'gates'),
        ...this.env,
        ...(ci ? { CI: 'true', CI_JOB_NAME: name, ...this.sessionEnv } : {}),
        ...env,
      },
      (process) => this.processes.push(process),
    );
    this.machines.set(name, machine);
    return machine;
  }

  /** Deletes a machine and its files; its processes must have exited. */
  discard(machine: Machine): void {
    this.machines.delete(machine.name);
    rmSync(machine.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** What the sample tasks have recorded so far, on all machines. */
  journal(): JournalEntry[] {
    return readJournal(join(this.folder, 'journal'));
  }

  /** Deletes the journal, before the next run. */
  clearJournal(): void {
    rmSync(join(this.folder, 'journal'), { force: true });
  }

  /** Lets the sample tasks continue that wait for `until=<gate>`. */
  open(gate: string): void {
    writeFileSync(join(this.folder, 'gates', gate), '');
  }

  /** Every process of this fleet. */
  runningProcesses(): ProcessInfo[] {
    return processesBelow(this.folder);
  }

  /**
   * Kills all processes and deletes the folder.
   * @returns what was still running although nobody waits for it: a leak, unless the test left it on purpose
   */
  async close(): Promise<ProcessInfo[]> {
    const expected = new Set(this.processes.filter(({ running }) => running).map(({ pid }) => pid));
    const found = this.runningProcesses();
    const leaks = found.filter(({ pid, parentPid }) => !expected.has(pid) && !expected.has(parentPid));
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      for (const { pid } of this.runningProcesses()) signalProcess(pid, signal);
      try {
        await waitFor('the end of all processes', () => this.runningProcesses().length === 0, {
          deadlineMs: END_MS,
        });
        break;
      } catch (error) {
        if (signal === 'SIGKILL') throw error;
      }
    }
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
    return leaks;
  }
}
