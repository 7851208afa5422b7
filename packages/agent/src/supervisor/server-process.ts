import { type LimitValues, type Reason } from '@org/dte-protocol';
import { type AttemptRef, type FromExecutor } from '../executor/ipc';
import { type RunInput } from './run-files';
import { type Death, ExecutorProcess, type ExecutorProcessOptions, crashed } from './executor-process';

/** State of a server: `started`, then `ready` immediately or according to its `readyWhen`; then it fails, or is stopped. */
export type Verdict =
  | { readonly kind: 'up' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unable'; readonly reason: Reason };

const UP: Verdict = { kind: 'up' };

export interface ServerProcessOptions extends Pick<
  ExecutorProcessOptions,
  'path' | 'workspaceRoot' | 'env' | 'graph'
> {
  readonly ref: AttemptRef;
  readonly run: RunInput;
  readonly limits: Pick<LimitValues, 'executorFrozenMs' | 'executorStartMs' | 'killMs'>;
  onOutput(offset: number, data: string): void;
  /** It ended, or will never be ready. Called at most once, and before `started` or `ready` settle for that reason. */
  onFailed(end: ServerFailure): void;
}

/** How a server ended. */
export interface ServerFailure {
  readonly why: string;
  /** Nx counts it as a failed task. */
  readonly failed: boolean;
  /** Through no fault of its own. */
  readonly lost: Reason | null;
}

class Milestone {
  private settle: (verdict: Verdict) => void = () => undefined;
  readonly reached = new Promise<Verdict>((resolve) => (this.settle = resolve));

  pass(verdict: Verdict): void {
    this.settle(verdict);
  }
}

/** One server of this agent: an executor process that does nothing else. */
export class ServerProcess {
  private readonly process: ExecutorProcess;
  private readonly patience: NodeJS.Timeout;
  private readonly startedAt = new Milestone();
  private readonly readyAt = new Milestone();
  private over = false;

  constructor(private readonly options: ServerProcessOptions) {
    const { path, workspaceRoot, env, graph, ref, limits } = options;
    this.process = new ExecutorProcess({
      id: 0,
      path,
      workspaceRoot,
      env,
      graph,
      limits,
      onMessage: (message) => this.receive(message),
      // Before its end makes its users fail.
      onFrozen: (death) => this.gone(death),
      onExit: (death) => this.gone(death),
    });
    this.patience = setTimeout(
      () =>
        this.gone({
          code: 'DTE_EXECUTOR_CRASHED',
          why: `was not ready in ${limits.executorStartMs} ms (DTE_EXECUTOR_START_MS).`,
        }),
      limits.executorStartMs,
    );
    this.started = this.startedAt.reached;
    this.ready = this.readyAt.reached;
    this.taskId = ref.taskId;
  }

  readonly taskId: string;
  readonly started: Promise<Verdict>;
  readonly ready: Promise<Verdict>;

  /** Stops it with all its child processes. Its later messages are ignored. */
  end(graceMs: number): Promise<void> {
    this.settle({ kind: 'unable', reason: stoppedReason(this.taskId) });
    return this.process.end(graceMs);
  }

  private receive(message: FromExecutor): void {
    if (this.over) return;
    if (message.type === 'ready') {
      clearTimeout(this.patience);
      this.process.send({ type: 'serve', ref: this.options.ref, ...this.options.run });
    } else if (message.type === 'unable') this.unable(message.reason);
    else if (message.type === 'output') this.options.onOutput(message.offset, message.data);
    else if (message.type === 'server') {
      const { state } = message;
      if (state.name === 'started') this.startedAt.pass(UP);
      else if (state.name === 'ready') this.readyAt.pass(UP);
      else if (state.name === 'unable') this.unable(state.reason);
      else {
        this.over = true;
        this.options.onFailed({ why: state.why, failed: state.failed, lost: null });
        this.settle({ kind: 'failed' });
        // Its child processes may outlive it and hold the port that the next server needs.
        void this.process.end(0);
      }
    }
  }

  private unable(reason: Reason): void {
    if (this.over) return;
    this.options.onFailed({ why: reason.message, failed: false, lost: reason });
    this.settle({ kind: 'unable', reason });
    void this.process.end(0);
  }

  /** Its process crashed, which says nothing about the server. */
  private gone(death: Death): void {
    this.unable(crashed(this.taskId, death));
  }

  private settle(verdict: Verdict): void {
    this.over = true;
    clearTimeout(this.patience);
    this.startedAt.pass(verdict);
    this.readyAt.pass(verdict);
  }
}

const stoppedReason = (taskId: string): Reason => ({
  code: 'DTE_CANCELLED',
  message: `The server ${taskId} was stopped.`,
});
