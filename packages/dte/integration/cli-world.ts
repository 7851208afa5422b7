import { isRunning, processesBelow, RunningProcess, waitFor, type ProcessExit } from '@org/dte-testing';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const CLI = join(__dirname, '..', 'dist', 'cli', 'main.js');

/** A minimal workspace for the CLI: nx.json, and an nx that is used only for its version. */
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

  /** The nx of this repository: without one, agents cannot start an executor. */
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

  /** One of them. @throws Error if there are fewer: killing process 0 would kill this process group */
  coordinatorPid(index = 0): number {
    const pid = this.coordinatorPids()[index];
    if (pid === undefined || pid <= 0)
      throw new Error(`Coordinator ${index + 1} has not started in ${this.root}.`);
    return pid;
  }

  /** Process ids of the processes that hold a session on a standalone coordinator for a main job of this workspace. */
  holderPids(): number[] {
    return processesBelow(this.root)
      .filter(({ command }) => command.includes('hold-session'))
      .map(({ pid }) => pid);
  }

  /**
   * Stops embedded coordinators, and holders of sessions (they wait for a lost coordinator, and no command of this
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
