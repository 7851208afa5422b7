import { type Assignment, type AttemptResult } from '@org/dte-protocol';
import { type FromExecutor, type ResultMessage } from '../executor/ipc';
import { artifactsOf, tasksOf } from './describe-attempt';
import { type ExecutorPool } from './executor-pool';
import { type DiskKeeper } from './ports';
import { type RestorePlan, RestoredTable } from './restored-table';

/** What tasks have left on this machine's disk, and who may write there. */
export class DiskState {
  private readonly table = new RestoredTable();

  /** @param disk omitted: the disk is this agent's alone */
  constructor(
    private readonly pool: Pick<ExecutorPool, 'send'>,
    private readonly disk?: DiskKeeper,
  ) {}

  /** Resolves when the dependencies of an assignment are there, as far as its executor does not see to that. */
  async bring({ closure }: Assignment): Promise<void> {
    const { disk } = this;
    if (disk !== undefined) await Promise.all(closure.map((entry) => disk.bring(entry)));
  }

  /** What an executor has to restore for an assignment, whose tasks begin with that. */
  begin(executorId: number, assignment: Assignment): RestorePlan {
    const { disk } = this;
    const closure = disk === undefined ? assignment.closure : [];
    const plan = this.table.plan(executorId, assignment.runId, closure);
    for (const taskId of tasksOf(assignment)) {
      this.table.began(taskId);
      disk?.began(taskId);
    }
    return plan;
  }

  /** An executor has restored a task, or could not. */
  restored(executorId: number, message: Extract<FromExecutor, { type: 'restored' }>): void {
    const { taskId, ok, outputs } = message;
    this.tell(this.table.restored(executorId, taskId, ok, outputs), taskId, ok);
  }

  /** An executor is gone or idle: what it did not finish is left to those who await it. */
  abandon(executorId: number): void {
    for (const { taskId, awaitedBy } of this.table.abandon(executorId)) this.tell(awaitedBy, taskId, false);
  }

  /** Tasks ran here: their outputs need no restoring. */
  produced(assignment: Assignment, { result, outputs, members = [] }: ResultMessage): void {
    const made = artifactsOf(assignment, result);
    const listed = result.kind === 'batch' ? members : [{ taskId: assignment.taskId, outputs }];
    for (const member of listed) {
      const artifact = made.get(member.taskId);
      if (artifact !== undefined)
        this.table.produced(assignment.runId, member.taskId, artifact, member.outputs);
    }
  }

  /** What an attempt has left on a disk that is not this agent's alone. */
  over(assignment: Assignment, result: AttemptResult | null): void {
    const { disk } = this;
    const made = disk === undefined ? null : artifactsOf(assignment, result);
    for (const taskId of tasksOf(assignment)) disk?.over(taskId, made?.get(taskId) ?? null);
  }

  /** Says to executors what happened to a restore that they await. */
  private tell(executorIds: readonly number[], taskId: string, ok: boolean): void {
    for (const id of executorIds) this.pool.send(id, { type: 'elsewhere', taskId, ok });
  }
}
