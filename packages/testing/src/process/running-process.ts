import { type ChildProcess, spawn } from 'node:child_process';
import { processTree, signalProcess } from './process-table';
import { waitFor, type WaitOptions } from './wait-for';

export interface ProcessOptions {
  /** For messages: `main`, `agent-1`. */
  name: string;
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Allows `type`. Default: its input is empty. */
  keys?: boolean;
  /** Called with every piece of output as it arrives. */
  onOutput?: (text: string) => void;
}

/** How a process ended. Exactly one of `code` and `signal` is set. */
export interface ProcessExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  durationMs: number;
  /** stdout and stderr in the order of arrival. */
  output: string;
  stdout: string;
  stderr: string;
}

/** Lines of its output that a failed test shows. */
const LAST_LINES = 60;
/** After a process has exited, its pipes are drained within this time, unless a child of it keeps them open. */
const DRAIN_MS = 1_000;

/** A child process with captured output. It leads its own process group: a signal for it cannot hit jest. */
export class RunningProcess {
  readonly name: string;
  readonly pid: number;

  private readonly child: ChildProcess;
  private readonly startedAt = performance.now();
  private readonly text = { output: '', stdout: '', stderr: '' };
  private exit: ProcessExit | null = null;
  private failure: Error | null = null;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: options.env,
      stdio: [options.keys === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      detached: true,
    });
    // Without a pid, 'error' follows, and `end` reports it.
    this.pid = this.child.pid ?? -1;
    for (const stream of ['stdout', 'stderr'] as const) {
      this.child[stream]!.setEncoding('utf8').on('data', (data: string) => {
        this.text[stream] += data;
        this.text.output += data;
        options.onOutput?.(data);
      });
    }
    this.child.once('error', (error) => (this.failure = error));
    this.child.once('exit', (code, signal) => {
      const settle = (): void => {
        clearTimeout(drained);
        this.exit ??= { code, signal, durationMs, ...this.text };
      };
      const durationMs = performance.now() - this.startedAt;
      // Not only 'close': a grandchild that keeps the pipe open must show as a leak, not as a hang.
      const drained = setTimeout(settle, DRAIN_MS);
      this.child.once('close', settle);
    });
  }

  /** Writes to its input. */
  type(text: string): void {
    this.child.stdin?.write(text);
  }

  /** Everything printed so far. */
  output(): string {
    return this.text.output;
  }

  get running(): boolean {
    return this.exit === null && this.failure === null;
  }

  /** The last lines printed and how it ended, for messages of failed tests. */
  describe(): string {
    const end = this.exit === null ? 'running' : `ended with ${String(this.exit.code ?? this.exit.signal)}`;
    return `---- ${this.name} (${end}) ----\n${this.text.output.split('\n').slice(-LAST_LINES).join('\n')}`;
  }

  /** Waits until the output contains `wanted`; fails immediately if the process ends without it. */
  async waitForOutput(wanted: string | RegExp, options: WaitOptions = {}): Promise<void> {
    const found = (): boolean =>
      typeof wanted === 'string' ? this.text.output.includes(wanted) : wanted.test(this.text.output);
    await waitFor(`${String(wanted)} in the output of ${this.name}`, () => found() || !this.running, {
      lastState: () => this.describe(),
      ...options,
    });
    if (!found())
      throw new Error(`${this.name} ended without printing ${String(wanted)}\n${this.describe()}`);
  }

  /** Waits for the end. @throws Error with the last output if the deadline passes */
  async end(deadlineMs = 120_000): Promise<ProcessExit> {
    return await waitFor(
      `the end of ${this.name}`,
      () => {
        if (this.failure) throw this.failure;
        return this.exit;
      },
      { deadlineMs, lastState: () => this.describe() },
    );
  }

  /** Sends a signal to the process only. */
  signal(signal: NodeJS.Signals): void {
    signalProcess(this.pid, signal);
  }

  /** Sends a signal to the process and all its child processes. */
  signalTree(signal: NodeJS.Signals): void {
    for (const { pid } of processTree(this.pid).reverse()) signalProcess(pid, signal);
  }
}
