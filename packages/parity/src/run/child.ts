import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import type { Env } from '../copies/environment';

export interface ChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Env;
  /** Receives everything that it prints. */
  readonly log: string;
}

export interface ChildExit {
  /** The signal's name if one ended it. */
  readonly code: number | string;
  readonly durationMs: number;
  /** It was stopped because it took too long. */
  readonly timedOut: boolean;
}

/** Output that is kept in memory; all of it is in the log. Not configurable: only its last lines are shown. */
const KEPT_CHARS = 1024 * 1024;
/** After a process has exited, its pipes are drained for this long: a grandchild may keep them open. Not configurable. */
const DRAIN_MS = 2_000;
/** How long a process that was told to stop may take. Not configurable. */
const STOP_MS = 5_000;

/** A child process that leads its own process group, with its output in a file. */
export class Child {
  readonly pid: number;
  /** Settles once; never rejects. */
  readonly exit: Promise<ChildExit>;
  private readonly child: ChildProcess;
  private readonly file: WriteStream;
  private text = '';
  private timedOut = false;
  private hasExited = false;

  constructor({ command, args, cwd, env, log }: ChildOptions) {
    const startedAt = performance.now();
    this.file = createWriteStream(log);
    this.child = spawn(command, args, {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.pid = this.child.pid ?? -1;
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding('utf8').on('data', (data: string) => this.keep(data));
    this.exit = new Promise((resolve) => {
      const settle = (code: number | string): void => {
        this.file.end();
        resolve({ code, durationMs: performance.now() - startedAt, timedOut: this.timedOut });
      };
      this.child.once('error', (error) => {
        this.keep(`${error.message}\n`);
        settle('not started');
      });
      this.child.once('exit', (code, signal) => {
        this.hasExited = true;
        const drained = setTimeout(() => settle(code ?? signal ?? 'unknown'), DRAIN_MS);
        this.child.once('close', () => {
          clearTimeout(drained);
          settle(code ?? signal ?? 'unknown');
        });
      });
    });
  }

  private keep(data: string): void {
    if (this.file.writable) this.file.write(data);
    this.text = (this.text + data).slice(-KEPT_CHARS);
  }

  get running(): boolean {
    return this.pid > 0 && !this.hasExited;
  }

  /** The last part of what it has printed. */
  output(): string {
    return this.text;
  }

  /** Sends a signal to its whole group; it is fine if it has exited. */
  signal(signal: NodeJS.Signals): void {
    if (!this.running) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // It has exited.
    }
  }

  /** Waits for its end; a process that takes longer is stopped. */
  async end(limitMs: number): Promise<ChildExit> {
    const timers: NodeJS.Timeout[] = [];
    const later = (ms: number, action: () => void): void => void timers.push(setTimeout(action, ms));
    later(limitMs, () => {
      this.timedOut = true;
      this.signal('SIGTERM');
      later(STOP_MS, () => this.signal('SIGKILL'));
    });
    try {
      return await this.exit;
    } finally {
      timers.forEach(clearTimeout);
    }
  }
}
