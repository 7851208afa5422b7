import { type Assignment, type AttemptResult } from '@org/dte-protocol';
import { type FromExecutor, type ResultMessage, type RunMessage } from '../executor/ipc';
import { artifactsOf, tasksOf } from './describe-attempt';
import { type ExecutorPool } from './executor-pool';
import { type DiskKeeper } from './ports';
import { type RestorePlan, RestoredTable } from './restored-table';

/** The outputs of tasks on this machine's disk, and who may write there. */
export class DiskState {
  private readonly table = new RestoredTable();

  /** @param disk omitted: only this agent uses the disk */
  constructor(
    private readonly pool: Pick<ExecutorPool, 'send'>,
    private readonly disk?: DiskKeeper,
  ) {}

  /** Where its executors take turns with others; empty: only among themselves. */
  get sharing(): Pick<RunMessage, 'sharedFolder'> {
    return this.disk === undefined ? {} : { sharedFolder: this.disk.sharedFolder };
  }

  /** Resolves when the dependencies of an assignment are on disk, except those that its executor restores. */
  async bring({ closure }: Assignment): Promise<void> {
    const { disk } = this;
    if (disk !== undefined) await Promise.all(closure.map((entry) => disk.bring(entry)));
  }

  /** What an executor must restore for an assignment, whose tasks start with it. */
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

  /** What an executor must restore again for an assignment that it has prepared: other tasks have replaced it since. */
  again(executorId: number, assignment: Assignment): RestorePlan {
    const { runId, closure } = assignment;
    const plan = this.table.plan(executorId, runId, this.disk === undefined ? closure : []);
    // A task of another command may have had its outputs put there since it was prepared.
    for (const taskId of tasksOf(assignment)) this.table.began(taskId);
    return plan;
  }

  /** What an executor is told: the closure only if earlier runs have left a part of it here, whose files this run does not know. */
  assigned(assignment: Assignment): Assignment {
    const { runId, closure } = assignment;
    const isAsked = this.disk === undefined && this.table.leftEarlier(runId, closure);
    return isAsked ? assignment : { ...assignment, closure: [] };
  }

  /** An executor has restored a task, or failed to. */
  restored(executorId: number, message: Extract<FromExecutor, { type: 'restored' }>): void {
    const { taskId, ok } = message;
    this.tell(this.table.restored(executorId, message), taskId, ok);
  }

  /** An executor has exited or is idle: its unfinished restores are left to those who await them. */
  abandon(executorId: number): void {
    for (const { taskId, awaitedBy } of this.table.abandon(executorId)) this.tell(awaitedBy, taskId, false);
  }

  /**
   * Tasks ran here: their outputs need no restoring. One that was stopped, or has no artifact, may have changed what others have left
   * in the same folders.
   */
  produced(
    assignment: Assignment,
    { result, outputs, members = [] }: ResultMessage,
    isStopped: boolean,
  ): void {
    const made = isStopped ? null : artifactsOf(assignment, result);
    const listed = assignment.members === undefined ? [{ taskId: assignment.taskId, outputs }] : members;
    for (const member of listed) {
      const artifact = made?.get(member.taskId);
      if (artifact === undefined) this.table.spoiled(member.outputs);
      else this.table.produced(assignment.runId, member.taskId, artifact, member.outputs);
    }
  }

  /** A task has written to these outputs, and it is not known yet whether what it has made has an artifact. */
  replaced(outputs: readonly string[]): void {
    this.table.spoiled(outputs);
  }

  /** An executor has exited while its tasks were running. */
  interrupted(): void {
    this.table.forget();
  }

  /** The outputs of an attempt on a shared disk. */
  over(assignment: Assignment, result: AttemptResult | null): void {
    const { disk } = this;
    const made = disk === undefined ? null : artifactsOf(assignment, result);
    for (const taskId of tasksOf(assignment)) disk?.over(taskId, made?.get(taskId) ?? null);
  }

  /** Tells executors the result of a restore that they await. */
  private tell(executorIds: readonly number[], taskId: string, ok: boolean): void {
    for (const id of executorIds) this.pool.send(id, { type: 'elsewhere', taskId, ok });
  }
}
