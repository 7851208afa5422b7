import type { NxTask } from '@org/dte-nx-compat';
import { inputsOf } from '../drift/differing-inputs';
import { type InputBook, wordOf, type BookRun, type BookTask } from './input-book';

type RunFacts = Pick<BookRun, 'runId' | 'atMs' | 'tree' | 'packages'>;

/** Writes the inputs of the tasks of one command into a book. */
export class InputRecorder {
  private readonly values = new Map<number, string>();
  private readonly tasks = new Map<string, Omit<BookTask, 'ended'>>();

  constructor(private readonly book: InputBook) {}

  /** A task that has no hash yet, or whose inputs Nx does not tell, is left out. Once more is not an error. */
  add({ id, hash, hashDetails }: NxTask): void {
    if (hash === undefined || hashDetails === undefined || this.tasks.has(id)) return;
    const inputs = inputsOf(hashDetails);
    const own = new Map<number, string>();
    const names = new Uint32Array(inputs.length);
    for (const [index, [name, value]] of inputs.entries()) {
      const nameId = this.book.nameId(name);
      names[index] = nameId;
      const known = this.values.get(nameId);
      if (known === undefined) this.values.set(nameId, value);
      else if (known !== value) own.set(nameId, wordOf(value));
    }
    this.tasks.set(id, { hash: wordOf(hash), set: this.book.setId(names), own });
  }

  /**
   * The command, which is also in the book now.
   * @param endingOf null: the task did not begin
   */
  finish(facts: RunFacts, endingOf: (taskId: string) => BookTask['ended'] | null): BookRun {
    const values = new Map([...this.values].map(([id, value]) => [id, wordOf(value)]));
    const tasks = new Map<string, BookTask>();
    for (const [id, task] of this.tasks) {
      const ended = endingOf(id);
      if (ended !== null) tasks.set(id, { ...task, ended });
    }
    const run = { ...facts, values, tasks };
    this.book.runs.push(run);
    return run;
  }
}
