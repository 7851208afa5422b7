import { z } from 'zod';
import { InputBook, WORD_CHARS, type BookTask } from './input-book';

/** Long columns are text: they are checked while they are read, and not element by element first. */
const runSchema = z.strictObject({
  runId: z.string(),
  atMs: z.number(),
  tree: z
    .strictObject({ commit: z.string().nullable(), changes: z.record(z.string(), z.string()) })
    .nullable(),
  packages: z.record(z.string(), z.string()),
  /** Ids of the names that have a value, and the values as words, one after the other. */
  named: z.string(),
  words: z.string(),
  tasks: z.array(z.string()),
  hashes: z.string(),
  sets: z.string(),
  /** One letter for each task, see `ENDED`. */
  ended: z.string(),
  /** [index of the task, id of the name, word], one after the other. */
  own: z.array(z.tuple([z.int(), z.int(), z.string()])),
});

const bookSchema = z.strictObject({
  version: z.literal(1),
  names: z.array(z.string()),
  sets: z.array(z.string()),
  runs: z.array(runSchema),
});

const ENDED: Readonly<Record<BookTask['ended'], string>> = { success: 's', failure: 'f', stopped: '-' };
const endedOf = (letter: string | undefined): BookTask['ended'] => {
  if (letter === ENDED.success) return 'success';
  return letter === ENDED.failure ? 'failure' : 'stopped';
};

/** Base of numbers in text; the highest that JavaScript knows. */
const BASE = 36;

/** Numbers as text. Differences of ascending ids are short, and repeat. */
function numbersText(numbers: Iterable<number>, isAscending: boolean): string {
  let last = 0;
  const parts: string[] = [];
  for (const number of numbers) {
    parts.push((number - last).toString(BASE));
    if (isAscending) last = number;
  }
  return parts.join(' ');
}

function readNumbers(text: string, isAscending: boolean, below: number): Uint32Array {
  const parts = text === '' ? [] : text.split(' ');
  let last = 0;
  return Uint32Array.from(parts, (part) => {
    const number = last + Number.parseInt(part, BASE);
    if (!(number >= 0 && number < below)) throw new RangeError(`${part} is no id`);
    if (isAscending) last = number;
    return number;
  });
}

const wordAt = (words: string, index: number): string =>
  words.slice(index * WORD_CHARS, (index + 1) * WORD_CHARS);

/** A book as JSON. */
export function bookText({ names, sets, runs }: InputBook): string {
  const text: z.infer<typeof bookSchema> = {
    version: 1,
    names: [...names],
    sets: sets.map((set) => numbersText(set, true)),
    runs: runs.map(({ values, tasks, ...facts }) => {
      const named = [...values].sort(([a], [b]) => a - b);
      const all = [...tasks.values()];
      return {
        ...facts,
        named: numbersText(
          named.map(([id]) => id),
          true,
        ),
        words: named.map(([, word]) => word).join(''),
        tasks: [...tasks.keys()],
        hashes: all.map(({ hash }) => hash).join(''),
        sets: numbersText(
          all.map(({ set }) => set),
          false,
        ),
        ended: all.map(({ ended }) => ENDED[ended]).join(''),
        own: all.flatMap(({ own }, index) =>
          [...own].map(([id, word]): [number, number, string] => [index, id, word]),
        ),
      };
    }),
  };
  return JSON.stringify(text);
}

/** @throws if it is not what `bookText` has written */
export function readBookText(text: string): InputBook {
  const { names, sets, runs } = bookSchema.parse(JSON.parse(text));
  const book = new InputBook();
  const nameIds = names.map((name) => book.nameId(name));
  const setIds = sets.map((set) =>
    book.setId(readNumbers(set, true, names.length).map((id) => nameIds[id] ?? 0)),
  );
  for (const { named, words, tasks, hashes, sets: ofTasks, ended, own, ...facts } of runs) {
    const values = new Map<number, string>();
    for (const [index, id] of readNumbers(named, true, names.length).entries())
      values.set(nameIds[id] ?? 0, wordAt(words, index));
    const owns = tasks.map(() => new Map<number, string>());
    for (const [task, id, word] of own) owns[task]?.set(nameIds[id] ?? 0, word);
    const taskSets = readNumbers(ofTasks, false, sets.length);
    const read = tasks.map((id, index): [string, BookTask] => [
      id,
      {
        hash: wordAt(hashes, index),
        set: setIds[taskSets[index] ?? 0] ?? 0,
        own: owns[index] ?? new Map<number, string>(),
        ended: endedOf(ended[index]),
      },
    ]);
    book.runs.push({ ...facts, values, tasks: new Map(read) });
  }
  return book;
}
