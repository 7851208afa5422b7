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

/** Other tasks whose outputs are still there after a restore in the same place, as far as that is known. */
export interface OthersThere {
  /** All of their files are as they were. */
  readonly kept: readonly string[];
  /** Dependencies: their files are as the restored task has left them. */
  readonly seen: readonly string[];
}

const NONE_THERE: OthersThere = { kept: [], seen: [] };

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

  /** Whether this run knows what the task has left on this disk; false: an earlier run may have left its files. */
  async isKnown(taskId: string): Promise<boolean> {
    return (await this.ledger.leftBy(taskId)) !== null;
  }

  /**
   * Puts the outputs of a task in place by `work`, which may remove all that they name. Waits until nobody reads what it
   * replaces or puts aside.
   */
  async restoring(task: Task, work: () => Promise<void>, signal?: AbortSignal): Promise<OthersThere> {
    const { sharing, workspaceRoot } = this.options;
    if (!this.shares(task.id)) {
      await work();
      return NONE_THERE;
    }
    const others = sharing.unrelated(task.id);
    const isReplaced = isWithin(task.outputs);
    const replace = async (): Promise<OthersThere> => {
      const onTop = await this.ledger.left(sharing.dependants(task.id));
      const byOthers = await Promise.all(others.map((id) => this.ledger.leftBy(id)));
      const left = new Set([...onTop, ...byOthers.flatMap((paths) => paths ?? [])]);
      const aside = await Aside.move(workspaceRoot, [...left].filter(isReplaced), new Set(onTop));
      let back: ReadonlySet<string> = new Set();
      try {
        await work();
      } finally {
        back = await aside.putBack();
      }
      await this.note(task, back);
      const isKept = (paths: string[] | null | undefined): boolean =>
        paths?.every((path) => !isReplaced(path) || back.has(path)) === true;
      return { kept: others.filter((_, index) => isKept(byOthers[index])), seen: sharing.seen(task.id) };
    };
    return this.ledger.replacing(others, [task.id, ...this.overlapping(task.id)], replace, signal);
  }

  /** Runs tasks by `work`: neither what they share with others nor what they may read is replaced in the meantime. */
  async running<T>(tasks: readonly Task[], work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const sharing = tasks.filter(({ id }) => this.shares(id));
    const read = [...new Set(tasks.flatMap(({ id }) => this.options.sharing.read(id)))];
    if (sharing.length === 0 && read.length === 0) return work();
    const ids = sharing.map(({ id }) => id);
    // At once: one that waited with half of its marks would hold up what it waits for.
    const end = await this.ledger.begin(ids, read, signal);
    try {
      return await work();
    } finally {
      for (const task of sharing) await this.note(task).catch(() => undefined);
      await end();
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
