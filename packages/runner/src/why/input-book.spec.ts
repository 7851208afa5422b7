import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { task } from '../test-support/tasks';
import { addToBook, readBook } from './book-file';
import { InputComparison } from './compare-inputs';
import { InputBook, mergeBooks, type BookRun } from './input-book';
import { InputRecorder } from './record-inputs';

type Inputs = Record<string, string>;

/** A command with these tasks: id -> inputs; the hash is that of all inputs. */
function recordRun(book: InputBook, runId: string, atMs: number, tasks: Record<string, Inputs>): BookRun {
  const recorder = new InputRecorder(book);
  for (const [id, nodes] of Object.entries(tasks))
    recorder.add(
      task(id, { hash: JSON.stringify(nodes), hashDetails: { command: `command of ${id}`, nodes } }),
    );
  return recorder.finish({ runId, atMs, tree: null, packages: {} }, () => 'success');
}

const bookOf = (runId: string, atMs: number, tasks: Record<string, Inputs>): InputBook => {
  const book = new InputBook();
  recordRun(book, runId, atMs, tasks);
  return book;
};

const nearest = (book: InputBook, runId: string, taskId: string) => {
  const run = book.runs.find((each) => each.runId === runId);
  if (run === undefined) throw new Error(`no run ${runId}`);
  const found = new InputComparison(book, run).nearest(taskId);
  return found === null
    ? null
    : [found.run.runId, found.differing.map(({ name, side }) => `${side} ${name}`)];
};

describe('the inputs of several commands', () => {
  it('names what differs from the nearest earlier hash, the latest of equally near ones', () => {
    const book = mergeBooks(
      [
        bookOf('old', 1, { 'app:build': { a: '1', b: '1', c: '1' } }),
        bookOf('near', 2, { 'app:build': { a: '1', b: '2', c: '2' } }),
        bookOf('far', 3, { 'app:build': { a: '9', b: '9', c: '9' } }),
        bookOf('now', 4, { 'app:build': { a: '1', b: '2', c: '3' }, 'lib:build': {} }),
      ],
      5,
    );
    expect(nearest(book, 'now', 'app:build')).toEqual(['near', ['both c']]);
    expect(nearest(book, 'now', 'lib:build')).toBeNull();
    const again = mergeBooks([book, bookOf('latest', 5, { 'app:build': { a: '1', b: '2', c: '4' } })], 5);
    expect(nearest(again, 'now', 'app:build')).toEqual(['latest', ['both c']]);
  });

  it('knows inputs that only one of the commands has, and values that only one task has', () => {
    const book = mergeBooks(
      [
        bookOf('then', 1, { 'a:build': { env: '1', gone: '1' }, 'b:build': { env: '2' } }),
        bookOf('now', 2, { 'a:build': { env: '1', more: '1' }, 'b:build': { env: '1' } }),
      ],
      5,
    );
    expect(nearest(book, 'now', 'a:build')).toEqual(['then', ['then gone', 'now more']]);
    expect(nearest(book, 'now', 'b:build')).toEqual(['then', ['both env']]);
  });

  it('finds the same hash again', () => {
    const inputs = { 'a:build': { a: '1' } };
    const book = mergeBooks([bookOf('then', 1, inputs), bookOf('now', 2, { 'a:build': { a: '2' } })], 5);
    recordRun(book, 'again', 3, inputs);
    expect(nearest(book, 'again', 'a:build')).toEqual(['then', []]);
  });

  it('keeps the last hashes of each task, of each hash the last command, and of a command what is left', () => {
    const books = Array.from({ length: 9 }, (_, index) =>
      bookOf(`r${index}`, index, {
        'often:build': { a: String(index) },
        'rarely:build': { only: index < 2 ? '1' : '2', [`r${index}`]: '1' },
      }),
    );
    const book = mergeBooks(books, 3);
    expect(book.runs.map(({ runId }) => runId)).toEqual(['r6', 'r7', 'r8']);
    expect(book.names.filter((name) => /^r\d/.test(name))).toEqual(['r6', 'r7', 'r8']);
    const stable = mergeBooks(
      ['x', 'y'].map((id, index) => bookOf(id, index, { 'a:build': { a: '1' } })),
      3,
    );
    expect(stable.runs.map(({ runId }) => runId)).toEqual(['y']);
  });
});

describe('the file of inputs', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-inputs-'));
    path = join(folder, 'history', '42.inputs.br');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is read as it was written, and what others wrote meanwhile stays', async () => {
    const tree = { commit: 'c0ffee', changes: { 'a.ts': '1' } };
    const book = new InputBook();
    const recorder = new InputRecorder(book);
    for (const [id, value] of [
      ['a:build', '1'],
      ['b:build', '2'],
    ] as const)
      recorder.add(task(id, { hash: id, hashDetails: { command: id, nodes: { 'env:X': value } } }));
    recorder.finish({ runId: 'one', atMs: 1, tree, packages: { react: '19.0.0' } }, () => 'failure');
    await addToBook(path, book);
    await addToBook(path, bookOf('two', 2, { 'a:build': { b: '1' } }));
    const read = await readBook(path);
    expect(read).toEqual(mergeBooks([book, bookOf('two', 2, { 'a:build': { b: '1' } })], 5));
    expect(read.runs[0]).toMatchObject({ tree, packages: { react: '19.0.0' } });
    expect(readdirSync(join(folder, 'history'))).toEqual(['42.inputs.br']);
  });

  it('is empty if there is none, refused if it is damaged, and then replaced', async () => {
    expect((await readBook(path)).runs).toEqual([]);
    await addToBook(path, bookOf('one', 1, { 'a:build': { a: '1' } }));
    for (const broken of ['', 'no brotli', Buffer.alloc(9_000_000)]) {
      writeFileSync(path, broken);
      await expect(readBook(path)).rejects.toThrow();
    }
    await addToBook(path, bookOf('two', 2, { 'a:build': { a: '2' } }));
    expect((await readBook(path)).runs.map(({ runId }) => runId)).toEqual(['two']);
  });

  it('contains no value of an input, and no hash of Nx', async () => {
    const secret = '1234567890123456789';
    await addToBook(path, bookOf('one', 1, { 'a:build': { 'env:TOKEN': secret } }));
    expect(JSON.stringify([...((await readBook(path)).runs[0]?.values ?? [])])).not.toContain(secret);
  });

  it('takes little more for commands that differ in one input of all tasks than for one command', async () => {
    const command = (runId: string, atMs: number): InputBook => {
      const tasks: Record<string, Inputs> = {};
      for (let index = 0; index < 300; index++) {
        const names = Array.from(
          { length: 40 },
          (_, needed) => `project-${(index + needed * 7) % 100}:files`,
        );
        tasks[`t${index}:build`] = {
          'env:CI': runId,
          ...Object.fromEntries(names.map((name) => [name, name])),
        };
      }
      return bookOf(runId, atMs, tasks);
    };
    await addToBook(path, command('r0', 0));
    const one = statSync(path).size;
    for (let run = 1; run < 5; run++) await addToBook(path, command(`r${run}`, run));
    expect((await readBook(path)).runs).toHaveLength(5);
    // The hashes are new: 300 words of 6 random bytes in each command, and the record of the command itself.
    expect(statSync(path).size - one).toBeLessThan(4 * (300 * 8 + 1_000));
  });
});
