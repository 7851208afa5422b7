import { type LimitValues, type Reason } from '@org/dte-protocol';
import { type Backoff, uniformBackoff } from '@org/dte-client';
import { type FromExecutor, type ToExecutor } from '../executor/ipc';
import { reasonOf } from '../executor/reason';
import { type Death, ExecutorProcess, type ExecutorProcessOptions } from './executor-process';

export interface PoolOptions extends Pick<ExecutorProcessOptions, 'path' | 'workspaceRoot' | 'env'> {
  readonly limits: Pick<
    LimitValues,
    | 'executorFrozenMs'
    | 'executorStartMs'
    | 'executorStartTries'
    | 'executorRestartMinMs'
    | 'executorRestartMaxMs'
    | 'killMs'
  >;
  /** Null: not known yet. */
  readonly slots: number | null;
  /** Executors beyond the slots, which prepare attempts. */
  readonly spare: number;
  onMessage(executorId: number, message: FromExecutor): void;
  /** An executor can take an attempt. */
  onIdle(): void;
  /** A ready executor has exited. */
  onGone(executorId: number, death: Death): void;
  /** No executor could be started several times in a row and none is left: this agent cannot run tasks. */
  onUseless(reason: Reason): void;
  onNote(line: string): void;
}

type MemberState = 'starting' | 'idle' | 'busy';
interface Member {
  readonly process: ExecutorProcess;
  state: MemberState;
  patience: NodeJS.Timeout | null;
  unable: Reason | null;
}

/** A frozen one stays a member until all its child processes have exited. */
const isFree = ({ state, process }: Member): boolean => state === 'idle' && !process.isEnding;

/**
 * Executors started before it is known how many are needed: an executor that is started when the first task comes costs
 * that run seconds, one too many costs memory until the run sets the number. Two, as in `--parallel=2` of Nx's own CI recipe.
 * Not configurable: the first run sets the number, or the option `slots` does.
 */
const GUESSED_SLOTS = 2;

/**
 * The executors of an agent. One is started immediately, before the number of slots is known; the others when the first
 * is ready, because Nx stores its project graph on disk and each further executor takes it from there.
 */
export class ExecutorPool {
  private readonly members = new Map<number, Member>();
  private readonly backoff: Backoff;
  private readonly endings = new Set<Promise<void>>();
  private size: number;
  private nextId = 1;
  private failures = 0;
  private everReady = false;
  private restart: NodeJS.Timeout | null = null;
  private closed = false;
  private coordinator: ToExecutor | null = null;
  private graph: string | null = null;

  constructor(private readonly options: PoolOptions) {
    const { executorRestartMinMs, executorRestartMaxMs } = options.limits;
    this.backoff = uniformBackoff(executorRestartMinMs, executorRestartMaxMs);
    this.size = options.slots ?? GUESSED_SLOTS;
    this.fill();
  }

  get slots(): number {
    return this.size;
  }

  /** The project graph for further processes; see `ExecutorProcessOptions`. */
  get sharedGraph(): string | null {
    return this.graph;
  }

  get idle(): number {
    return [...this.members.values()].filter(isFree).length;
  }

  /** Shrinking stops only idle executors; a busy one exits after its attempt. */
  resize(size: number): void {
    this.size = size;
    this.trim();
    this.fill();
  }

  /** The coordinator's address, for all current and future executors. */
  announce(url: string, token: string): void {
    this.coordinator = { type: 'coordinator', url, token };
    for (const { process } of this.members.values()) process.send(this.coordinator);
  }

  /** Reserves an idle executor. */
  take(): number | null {
    for (const [id, member] of this.members) {
      if (!isFree(member)) continue;
      member.state = 'busy';
      return id;
    }
    return null;
  }

  send(executorId: number, message: ToExecutor): void {
    this.members.get(executorId)?.process.send(message);
  }

  /** Its attempt has ended. */
  release(executorId: number): void {
    const member = this.members.get(executorId);
    if (member?.state !== 'busy') return;
    member.state = 'idle';
    this.backoff.reset();
    this.trim();
    if (this.members.has(executorId)) this.options.onIdle();
  }

  /** Stops one with its process tree; it is replaced when it has exited. */
  kill(executorId: number): void {
    const member = this.members.get(executorId);
    if (member !== undefined) this.end(member.process);
  }

  /** Stops all. Resolves when every process has exited. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.restart !== null) clearTimeout(this.restart);
    for (const { process, patience } of this.members.values()) {
      if (patience !== null) clearTimeout(patience);
      this.end(process);
    }
    await Promise.all(this.endings);
  }

  private trim(): void {
    let surplus = this.members.size - this.size - this.options.spare;
    for (const [id, { state, process }] of this.members) {
      if (surplus <= 0) return;
      if (state !== 'idle') continue;
      this.members.delete(id);
      this.end(process);
      surplus--;
    }
  }

  private end(process: ExecutorProcess): void {
    const ending = process.end(this.options.limits.killMs).finally(() => this.endings.delete(ending));
    this.endings.add(ending);
  }

  private fill(): void {
    if (this.closed || this.restart !== null) return;
    const target = this.everReady ? this.size : 1;
    while (this.members.size < target) this.start();
    // Last, so that it does not delay the others.
    const isAnyStarting = [...this.members.values()].some(({ state }) => state === 'starting');
    if (this.everReady && !isAnyStarting && this.members.size < this.size + this.options.spare) this.start();
  }

  private start(): void {
    const id = this.nextId++;
    const { limits, path, workspaceRoot, env } = this.options;
    const process = new ExecutorProcess({
      id,
      path,
      workspaceRoot,
      env,
      limits,
      graph: this.graph,
      onMessage: (message) => this.receive(id, message),
      onExit: (death) => this.gone(id, death),
    });
    const patience = setTimeout(() => {
      this.options.onNote(
        `dte: executor ${id} was not ready in ${limits.executorStartMs} ms (DTE_EXECUTOR_START_MS)`,
      );
      void process.end(0);
    }, limits.executorStartMs);
    this.members.set(id, { process, state: 'starting', patience, unable: null });
    if (this.coordinator !== null) process.send(this.coordinator);
  }

  private receive(id: number, message: FromExecutor): void {
    const member = this.members.get(id);
    if (member === undefined || this.closed) return;
    if (message.type === 'ready') {
      if (member.patience !== null) clearTimeout(member.patience);
      member.patience = null;
      member.state = 'idle';
      this.failures = 0;
      this.everReady = true;
      this.graph = message.graph ?? this.graph;
      this.fill();
      this.options.onIdle();
    } else if (message.type === 'unable') {
      member.unable = message.reason;
      void member.process.end(0);
    } else if (message.type === 'note') this.options.onNote(message.line);
    else this.options.onMessage(id, message);
  }

  private gone(id: number, death: Death): void {
    const member = this.members.get(id);
    if (member === undefined) return;
    this.members.delete(id);
    if (member.patience !== null) clearTimeout(member.patience);
    if (this.closed) return;
    if (death.code === 'DTE_EXECUTOR_FROZEN')
      this.options.onNote(`dte: executor ${id} ${death.why} A new one replaces it (${death.code})`);
    if (member.state !== 'starting') this.options.onGone(id, death);
    else this.startFailed(member.unable?.message ?? death.why);
    if (this.isClosed()) return;
    this.restart ??= setTimeout(() => {
      this.restart = null;
      this.fill();
    }, this.backoff.nextMs());
  }

  private isClosed(): boolean {
    return this.closed;
  }

  private startFailed(why: string): void {
    this.failures++;
    this.options.onNote(`dte: an executor could not be started (${this.failures}): ${why}`);
    if (this.failures < this.options.limits.executorStartTries || this.members.size > 0) return;
    this.closed = true;
    const message = `No executor could be started after ${this.failures} attempts; the last error: ${why}`;
    this.options.onUseless(reasonOf({ code: 'DTE_EXECUTOR_START', message }));
  }
}
