import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { EXECUTOR_MARK, endProcesses, watchFrozen } from '@org/dte-nx-compat';
import { DteError, type LimitValues, type Reason, SECRET_VARIABLES } from '@org/dte-protocol';
import { frozenFor } from '../executor/frozen-reason';
import { FROM_EXECUTOR, type FromExecutor, type ToExecutor, ofSameBuild } from '../executor/ipc';
import { reasonOf } from '../executor/reason';

export interface ExecutorProcessOptions {
  readonly id: number;
  readonly path: string;
  readonly workspaceRoot: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly limits: Pick<LimitValues, 'executorFrozenMs' | 'killMs'>;
  /** `TaskHost.storedGraph` of an earlier executor of this agent; null: it builds the project graph. */
  readonly graph: string | null;
  onMessage(message: FromExecutor): void;
  /** It does nothing any more and is about to be killed. */
  onFrozen?(death: Death): void;
  /** It has exited, with its child processes. Called once. */
  onExit(death: Death): void;
}

/** How a process ended. */
export interface Death {
  readonly code: 'DTE_EXECUTOR_CRASHED' | 'DTE_EXECUTOR_FROZEN';
  /** A sentence without its subject, for people. */
  readonly why: string;
}

/** Characters of an executor's last output that are kept to explain why it ended. Not configurable: the agent's log has all of it. */
const TAIL_CHARS = 8 * 1024;
/** Lines of `TAIL_CHARS` that are shown. Not configurable: it is only text of a message. */
const TAIL_LINES = 15;

/**
 * The environment of executors and their tasks. They never need this agent's credentials: the token they get expires
 * sooner and permits less.
 */
function executorEnv(env: ExecutorProcessOptions['env'], mark: string): NodeJS.ProcessEnv {
  const secrets: readonly string[] = SECRET_VARIABLES;
  const rest = Object.fromEntries(Object.entries(env).filter(([name]) => !secrets.includes(name)));
  return { ...rest, DTE_EXECUTOR: '1', [EXECUTOR_MARK]: mark };
}

/** One executor process in its own process group, so that a signal for the agent does not reach it. */
export class ExecutorProcess {
  readonly id: number;
  private readonly mark = randomUUID();
  private readonly child: ChildProcess;
  private tail = '';
  private over = false;
  private ending: Promise<void> | null = null;
  private unwatch: () => void = () => undefined;
  private isFrozen = false;

  constructor(private readonly options: ExecutorProcessOptions) {
    this.id = options.id;
    this.child = fork(options.path, options.graph === null ? [] : [options.graph], {
      cwd: options.workspaceRoot,
      env: executorEnv(options.env, this.mark),
      detached: true,
      // Output that Nx or a plugin prints by itself must not mix with the protocol or the log.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      execArgv: [],
    });
    const keepTail = (chunk: Buffer): void => {
      this.tail = (this.tail + chunk.toString('utf8')).slice(-TAIL_CHARS);
    };
    this.child.stdout?.on('data', () => undefined);
    this.child.stderr?.on('data', keepTail);
    this.child.on('message', (message) => this.receive(message));
    this.child.on('error', (error) => this.exited(`could not be started: ${error.message}`));
    this.watch();
    // Not 'close': a process that the task left behind may keep the pipes open forever. Its last output needs a moment.
    this.child.on('exit', (code, signal) => {
      const why = signal === null ? `ended with exit code ${String(code)}` : `was killed by ${signal}`;
      setImmediate(() => this.exited(why));
    });
  }

  /** It has exited or is being stopped: new work for it is lost. */
  get isEnding(): boolean {
    return this.over || this.ending !== null;
  }

  send(message: ToExecutor): void {
    if (this.over || !this.child.connected) return;
    this.child.send(message, (error) => {
      // The executor has crashed since; its exit reports that.
      if (error !== null) this.tail = `${this.tail}\n${error.message}`.slice(-TAIL_CHARS);
    });
  }

  /** Stops it with all its child processes. Resolves when all have exited. */
  end(graceMs: number): Promise<void> {
    const { pid } = this.child;
    if (pid === undefined) return Promise.resolve();
    return (this.ending ??= endProcesses(pid, this.mark, graceMs));
  }

  /** A suspended process sends and receives nothing and does not exit by itself. SIGKILL ends it; first, its children are asked. */
  private watch(): void {
    const { pid } = this.child;
    const { executorFrozenMs, killMs } = this.options.limits;
    if (pid === undefined) return;
    this.unwatch = watchFrozen(pid, executorFrozenMs, () => {
      this.isFrozen = true;
      void this.end(killMs);
      this.options.onFrozen?.(this.frozenDeath());
    });
  }

  private receive(raw: unknown): void {
    if (this.over) return;
    let messages: FromExecutor[];
    try {
      messages = [raw].flat().map((message) => ofSameBuild(message, FROM_EXECUTOR));
    } catch (thrown) {
      this.tail += `\n${DteError.from(thrown).message}`;
      void this.end(0);
      return;
    }
    for (const message of messages) this.options.onMessage(message);
  }

  private exited(why: string): void {
    if (this.over) return;
    this.over = true;
    this.unwatch();
    const death = this.isFrozen ? this.frozenDeath() : this.deathOf(why);
    // Its child processes may outlive it and hold ports and files that the next attempt needs.
    void this.end(0).then(() => this.options.onExit(death));
  }

  private frozenDeath(): Death {
    return { code: 'DTE_EXECUTOR_FROZEN', why: `${frozenFor(this.options.limits.executorFrozenMs)}.` };
  }

  private deathOf(why: string): Death {
    const lines = this.tail.trim().split('\n').slice(-TAIL_LINES).join('\n');
    const sentence = lines === '' ? `${why}.` : `${why}. Its last lines:\n${lines}`;
    return { code: 'DTE_EXECUTOR_CRASHED', why: sentence };
  }
}

export const crashed = (taskId: string, { code, why }: Death): Reason =>
  reasonOf({ code, message: `The executor process of ${taskId} ${why}` });
