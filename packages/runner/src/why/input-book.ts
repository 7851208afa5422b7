import { createHash } from 'node:crypto';

/** A file that differs from the commit -> a word for its content. */
export interface Tree {
  readonly commit: string | null;
  readonly changes: Readonly<Record<string, string>>;
}

/** What is known about one task in one command. */
export interface BookTask {
  /** A word for its hash. */
  readonly hash: string;
  /** Index into the book's sets: the names of its inputs. */
  readonly set: number;
  /** Inputs with another value than the command has for that name: name id -> word. */
  readonly own: ReadonlyMap<number, string>;
  readonly ended: 'success' | 'failure' | 'stopped';
}

/** One nx command. */
export interface BookRun {
  readonly runId: string;
  readonly atMs: number;
  /** Null: unknown. */
  readonly tree: Tree | null;
  /** Versions of the installed packages, by Nx's name without `npm:`. */
  readonly packages: Readonly<Record<string, string>>;
  /** Name id -> a word for the input's hash. */
  readonly values: ReadonlyMap<number, string>;
  readonly tasks: ReadonlyMap<string, BookTask>;
}

/** Bytes of a word: enough to tell two values of one input apart, and too few to find out a secret value. A format, not a limit. */
const WORD_BYTES = 6;
/** Characters of a word. */
export const WORD_CHARS = 8;

/** A short word for a value: equal words mean equal values. */
export const wordOf = (value: string): string =>
  createHash('sha256').update(value).digest().subarray(0, WORD_BYTES).toString('base64url');

/**
 * The inputs of hashes in several commands. One name of an input has one value in a command, with few exceptions, and tasks keep
 * the names of their inputs: so a command is little more than a value for each name, and a set of names is kept once.
 */
export class InputBook {
  readonly names: string[] = [];
  readonly sets: Uint32Array[] = [];
  /** The oldest first. */
  readonly runs: BookRun[] = [];
  private readonly nameIds = new Map<string, number>();
  private readonly setIds = new Map<string, number>();

  nameId(name: string): number {
    const known = this.nameIds.get(name);
    if (known !== undefined) return known;
    const id = this.names.push(name) - 1;
    this.nameIds.set(name, id);
    return id;
  }

  setId(nameIds: Uint32Array): number {
    const sorted = nameIds.toSorted();
    const key = createHash('sha1').update(sorted).digest('base64');
    const known = this.setIds.get(key);
    if (known !== undefined) return known;
    const id = this.sets.push(sorted) - 1;
    this.setIds.set(key, id);
    return id;
  }

  /** Adds a command of another book, with the tasks that are wanted and what they refer to. */
  adopt(from: InputBook, run: BookRun, isWanted: (taskId: string) => boolean): void {
    const sets = new Map<number, number>();
    const values = new Map<number, string>();
    const rename = (id: number): number => this.nameId(from.names[id] ?? '');
    const setOf = (old: number): number => {
      const known = sets.get(old);
      if (known !== undefined) return known;
      const names = from.sets[old] ?? new Uint32Array();
      for (const id of names) {
        const value = run.values.get(id);
        if (value !== undefined) values.set(rename(id), value);
      }
      const set = this.setId(names.map(rename));
      sets.set(old, set);
      return set;
    };
    const tasks = new Map<string, BookTask>();
    for (const [id, task] of run.tasks) {
      if (!isWanted(id)) continue;
      const own = new Map([...task.own].map(([name, value]) => [rename(name), value]));
      tasks.set(id, { ...task, set: setOf(task.set), own });
    }
    if (tasks.size > 0) this.runs.push({ ...run, values, tasks });
  }
}

/** Commands of both, each once; of each task the last `hashes` different hashes, and of each hash the last command. */
export function mergeBooks(books: readonly InputBook[], hashes: number): InputBook {
  const byId = new Map<string, { readonly book: InputBook; readonly run: BookRun }>();
  for (const book of books) for (const run of book.runs) byId.set(run.runId, { book, run });
  const newestFirst = [...byId.values()].sort((a, b) => b.run.atMs - a.run.atMs);
  const seen = new Map<string, Set<string>>();
  const isNews = (taskId: string, hash: string): boolean => {
    const known = seen.get(taskId) ?? new Set();
    seen.set(taskId, known);
    if (known.has(hash) || known.size >= hashes) return false;
    known.add(hash);
    return true;
  };
  const kept = newestFirst.map(({ book, run }) => {
    const tasks = [...run.tasks].filter(([id, { hash }]) => isNews(id, hash)).map(([id]) => id);
    return { book, run, tasks: new Set(tasks) };
  });
  const merged = new InputBook();
  for (const { book, run, tasks } of kept.reverse()) merged.adopt(book, run, (id) => tasks.has(id));
  return merged;
}
