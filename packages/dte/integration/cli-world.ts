import { isRunning, processesBelow, RunningProcess, waitFor, type ProcessExit } from '@org/dte-testing';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const CLI = join(__dirname, '..', 'dist', 'cli', 'main.js');

/** A workspace that is just enough for the CLI: nx.json, and an nx of which only the version is read. */
export class CliWorld {
  readonly root = mkdtempSync(join(tmpdir(), 'dte-cli-'));
  readonly rendezvousDir = join(this.root, 'rendezvous');
  /** Variables of every command; tests add theirs. */
  env: Record<string, string> = { DTE_SESSION_ID: 'cli', NO_COLOR: '1' };

  constructor(nxJson: object = {}) {
    this.write('nx.json', JSON.stringify(nxJson));
    this.write('package.json', '{}');
    this.write('node_modules/nx/package.json', '{"name":"nx","version":"24.0.6"}');
  }

  write(path: string, text: string): void {
    mkdirSync(join(this.root, path, '..'), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  /** The nx of this repository: agents cannot start an executor without one. */
  useRealNx(): void {
    const installed = join(this.root, 'node_modules');
    rmSync(installed, { recursive: true });
    symlinkSync(join(__dirname, '..', '..', '..', 'node_modules'), installed);
  }

  start(args: readonly string[], env: Record<string, string> = {}): RunningProcess {
    return new RunningProcess({
      name: `dte ${args.join(' ')}`,
      command: process.execPath,
      args: [CLI, ...args],
      cwd: this.root,
      env: { PATH: process.env['PATH'], HOME: this.root, ...this.env, ...env },
    });
  }

  async run(args: readonly string[], env: Record<string, string> = {}): Promise<ProcessExit> {
    return this.start(args, env).end();
  }

  /** Process ids of the embedded coordinators that were started here. */
  coordinatorPids(): number[] {
    try {
      const log = readFileSync(join(this.root, '.nx/dte/coordinator.log'), 'utf8');
      return [...log.matchAll(/process (\d+)/g)].map(([, pid]) => Number(pid));
    } catch {
      return [];
    }
  }

  /** One of them. @throws Error when so many have not started: 0 would be this very group of processes */
  coordinatorPid(index = 0): number {
    const pid = this.coordinatorPids()[index];
    if (pid === undefined || pid <= 0)
      throw new Error(`Coordinator ${index + 1} has not started in ${this.root}.`);
    return pid;
  }

  /** Process ids of those that hold a session at a standalone coordinator for a main job of this workspace. */
  holderPids(): number[] {
    return processesBelow(this.root)
      .filter(({ command }) => command.includes('hold-session'))
      .map(({ pid }) => pid);
  }

  /**
   * Ends embedded coordinators, and holders of sessions (they wait for a coordinator that is away, and no command of this
   * workspace is their parent any more), and removes the workspace.
   */
  async close(): Promise<void> {
    for (const pid of [...this.holderPids(), ...this.coordinatorPids()]) {
      if (isRunning(pid)) process.kill(pid, 'SIGTERM');
      await waitFor(`process ${pid} to end`, () => !isRunning(pid));
    }
    rmSync(this.root, { recursive: true });
  }
}
