import { type OutputsPort } from '@org/dte-client';
import { isAtOrBelow } from '@org/dte-nx-compat';
import { Aside } from './aside';
import { Ledger } from './ledger';
import { claimsOf } from './output-tree';
import { type OutputSharing } from './sharing';

export interface SharedOutputsOptions {
  readonly workspaceRoot: string;
  readonly port: OutputsPort;
  readonly sharing: OutputSharing;
  /** Of this run and this workspace; made when there is something to keep. */
  readonly folder: string;
  /** Longest wait for others that write to the same outputs. */
  readonly waitMs: number;
}

interface Task {
  readonly id: string;
  readonly outputs: readonly string[];
}

/**
 * Keeps tasks of one run that write to the same outputs from deleting one another's files. Restoring the outputs of a task
 * replaces all that they name; run after one another on one machine, both would have left their files there. So what an
 * unrelated task, or one that needs it, has left goes aside while a task's outputs are put in place. Costs nothing for tasks
 * that share with nobody.
 */
export class SharedOutputs {
  private readonly ledger: Ledger;

  constructor(private readonly options: SharedOutputsOptions) {
    this.ledger = new Ledger(options.folder, options.waitMs);
  }

  /** All processes that write to one workspace take turns by the same folder. */
  get folder(): string {
    return this.options.folder;
  }

  /** Whose restores must not be under way at the same time. */
  overlapping(taskId: string): readonly string[] {
    return this.options.sharing.overlapping(taskId);
  }

  /** Puts the outputs of a task in place by `work`, which may remove all that they name. */
  async restoring<T>(task: Task, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const { sharing, workspaceRoot } = this.options;
    if (!this.shares(task.id)) return work();
    const others = sharing.unrelated(task.id);
    const replace = async (): Promise<T> => {
      const onTop = await this.ledger.left(sharing.dependants(task.id));
      const left = new Set([...onTop, ...(await this.ledger.left(others))]);
      const aside = await Aside.move(workspaceRoot, [...left].filter(isWithin(task.outputs)), new Set(onTop));
      let back: ReadonlySet<string> = new Set();
      let result: T;
      try {
        result = await work();
      } finally {
        back = await aside.putBack();
      }
      await this.note(task, back);
      return result;
    };
    return this.ledger.alone(others, replace, signal);
  }

  /** Runs tasks by `work`: what they share with others is not replaced in the meantime. */
  async running<T>(tasks: readonly Task[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const sharing = tasks.filter(({ id }) => this.shares(id));
    const ends: (() => Promise<void>)[] = [];
    try {
      for (const { id } of sharing) ends.push(await this.ledger.begin(id, signal));
      return await work();
    } finally {
      for (const task of sharing) await this.note(task).catch(() => undefined);
      for (const end of ends) await end();
    }
  }

  /** A task has made its outputs here. */
  async made(task: Task): Promise<void> {
    if (this.shares(task.id)) await this.note(task);
  }

  private shares(taskId: string): boolean {
    return this.overlapping(taskId).length > 0;
  }

  private async note({ id, outputs }: Task, ofOthers: ReadonlySet<string> = new Set()): Promise<void> {
    const { entries } = await this.options.port.list(outputs);
    await this.ledger.note(
      id,
      entries.map(({ path }) => path).filter((path) => !ofOthers.has(path)),
    );
  }
}

/** What outputs may name, by the folders that they begin with. */
function isWithin(outputs: readonly string[]): (path: string) => boolean {
  const folders = claimsOf(outputs).map((claim) => claim.join('/'));
  return (path) => folders.some((folder) => isAtOrBelow(path, folder));
}
