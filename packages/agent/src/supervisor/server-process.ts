import { type LimitValues, type Reason } from '@org/dte-protocol';
import { type AttemptRef, type FromExecutor } from '../executor/ipc';
import { type RunInput } from './run-files';
import { ExecutorProcess, type ExecutorProcessOptions, crashed } from './executor-process';

/** How far a server got: `started`, then `ready` at once or when its `readyWhen` says so; then it fails, or is stopped. */
export type Verdict =
  | { readonly kind: 'up' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'unable'; readonly reason: Reason };

const UP: Verdict = { kind: 'up' };

export interface ServerProcessOptions extends Pick<ExecutorProcessOptions, 'path' | 'workspaceRoot' | 'env'> {
  readonly ref: AttemptRef;
  readonly run: RunInput;
  readonly limits: Pick<LimitValues, 'executorStartMs'>;
  onOutput(offset: number, data: string): void;
  /** It ended, or will never be ready. Called at most once, and before `started` or `ready` settle for that reason. */
  onFailed(why: string, failed: boolean): void;
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
    const { path, workspaceRoot, env, ref, limits } = options;
    this.process = new ExecutorProcess({
      ...{ id: 0, path, workspaceRoot, env },
      onMessage: (message) => this.receive(message),
      onExit: (why) => this.gone(why),
    });
    this.patience = setTimeout(
      () => this.gone(`was not ready in ${limits.executorStartMs} ms (DTE_EXECUTOR_START_MS).`),
      limits.executorStartMs,
    );
    this.started = this.startedAt.reached;
    this.ready = this.readyAt.reached;
    this.taskId = ref.taskId;
  }

  readonly taskId: string;
  readonly started: Promise<Verdict>;
  readonly ready: Promise<Verdict>;

  /** Ends it with everything it started. What it says from now on is of no interest. */
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
        this.options.onFailed(state.why, state.failed);
        this.settle({ kind: 'failed' });
        // What it started may outlive it, holding the port that the next one needs.
        void this.process.end(0);
      }
    }
  }

  private unable(reason: Reason): void {
    if (this.over) return;
    this.options.onFailed(reason.message, false);
    this.settle({ kind: 'unable', reason });
    void this.process.end(0);
  }

  /** Its process died, which says nothing about the server. */
  private gone(why: string): void {
    this.unable(crashed(this.taskId, why));
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
