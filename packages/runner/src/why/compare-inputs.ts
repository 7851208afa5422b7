import type { BookRun, BookTask, InputBook } from './input-book';

/** A task in a command. */
interface Found {
  readonly run: BookRun;
  readonly task: BookTask;
}

/** An input that differs. */
export interface Difference {
  readonly name: string;
  /** `now` and `then`: only one of them has it as an input. */
  readonly side: 'both' | 'now' | 'then';
}

/** The known hash of a task that is nearest to that of a command. */
export interface Nearest {
  readonly run: BookRun;
  readonly task: BookTask;
  /** Empty: it has the same hash, or Nx does not tell what differs. */
  readonly differing: readonly Difference[];
}

/** Marks of a table, not limits: what was compared, and how it is. */
const [SAME, OTHER] = [1, 2];

/** Compares a command with the others of its book. */
export class InputComparison {
  /** Earlier command -> for each name, whether its value differs; 0: not compared yet. */
  private readonly compared = new Map<BookRun, Uint8Array>();
  private readonly earlier: readonly BookRun[];

  constructor(
    private readonly book: InputBook,
    private readonly run: BookRun,
  ) {
    this.earlier = book.runs.filter(({ runId }) => runId !== run.runId).sort((a, b) => b.atMs - a.atMs);
  }

  /** Of equally near ones the latest; null if no other command of the book has the task. */
  nearest(taskId: string): Nearest | null {
    const now = this.run.tasks.get(taskId);
    if (now === undefined) return null;
    let best: Nearest | null = null;
    for (const run of this.earlier) {
      const task = run.tasks.get(taskId);
      if (task === undefined) continue;
      if (task.hash === now.hash) return { run, task, differing: [] };
      const differing = this.differing(now, { run, task });
      if (best === null || differing.length < best.differing.length) best = { run, task, differing };
    }
    return best;
  }

  private differing(now: BookTask, then: Found): Difference[] {
    const found: Difference[] = [];
    const add = (id: number, side: Difference['side']): void =>
      void found.push({ name: this.book.names[id] ?? '', side });
    const [mine, other] = [this.namesOf(now), this.namesOf(then.task)];
    for (let [at, there] = [0, 0]; at < mine.length || there < other.length;) {
      const [id, otherId] = [mine[at] ?? Infinity, other[there] ?? Infinity];
      if (id === otherId && this.differs(id, now, then)) add(id, 'both');
      if (id < otherId) add(id, 'now');
      if (otherId < id) add(otherId, 'then');
      if (id <= otherId) at += 1;
      if (otherId <= id) there += 1;
    }
    return found;
  }

  private namesOf({ set }: BookTask): Uint32Array {
    return this.book.sets[set] ?? new Uint32Array();
  }

  private differs(id: number, now: BookTask, then: Found): boolean {
    if (now.own.has(id) || then.task.own.has(id))
      return valueOf(id, { run: this.run, task: now }) !== valueOf(id, then);
    const table = this.compared.get(then.run) ?? new Uint8Array(this.book.names.length);
    this.compared.set(then.run, table);
    table[id] ||= this.run.values.get(id) === then.run.values.get(id) ? SAME : OTHER;
    return table[id] === OTHER;
  }
}

const valueOf = (id: number, { run, task }: Found): string | undefined =>
  task.own.get(id) ?? run.values.get(id);
