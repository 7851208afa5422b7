import { type ClosureEntry } from '@org/dte-protocol';
import { plainOutputs, tempFolders, waitFor } from '@org/dte-testing';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OutputSharing, SharedOutputs } from '../shared-outputs';
import { type SharingTask } from '../shared-outputs/sharing';
import { RestoredTable } from './restored-table';

/** Two slots of one agent: the table of its supervisor, and the shared outputs of its executors on a real folder. */

const folder = tempFolders();
const RUN = 'run-1';
const task = (id: string, outputs: string[], dependencies: string[] = []): SharingTask => ({
  id,
  outputs,
  dependencies,
});
const TASKS = [
  task('lib:js', ['dist']),
  task('lib:types', ['dist/types', 'dist/both']),
  task('lib:assets', ['dist'], ['lib:js']),
  task('one:pack', [], ['lib:js']),
  task('two:pack', [], ['lib:js', 'lib:types', 'lib:assets']),
];
/** What restoring puts in place. */
const FILES: Record<string, string[]> = {
  'lib:js': ['dist/a.js'],
  'lib:types': ['dist/types/a.d.ts'],
  'lib:clash': ['dist/a.js'],
  'lib:assets': ['dist/a.js', 'dist/logo'],
};

let root: string;
let table: RestoredTable;
let restored: string[];
let tasks: SharingTask[];
let isTestOver: boolean;
afterEach(() => {
  isTestOver = true;
});
beforeEach(() => {
  root = folder();
  table = new RestoredTable();
  restored = [];
  isTestOver = false;
  tasks = [...TASKS];
});

const find = (id: string): SharingTask => {
  const found = tasks.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no task ${id}`);
  return found;
};
const shared = (waitMs = 10_000): SharedOutputs =>
  new SharedOutputs({
    workspaceRoot: root,
    folder: join(root, '.ledger'),
    waitMs,
    port: plainOutputs(root),
    sharing: new OutputSharing(tasks),
  });
const isThere = (path: string): boolean => existsSync(join(root, path));
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};

/** As an executor does it: restores what the plan says, then runs the task. */
async function attempt(
  slot: number,
  id: string,
  run: () => Promise<void>,
  { needs = find(id).dependencies, waitMs = 10_000 } = {},
): Promise<void> {
  const closure = needs.map((taskId): ClosureEntry => ({
    taskId,
    hash: taskId,
    artifact: { kind: 'cache', hash: taskId },
  }));
  const outputs = shared(waitMs);
  for (const { taskId } of table.plan(slot, RUN, closure).restore) {
    const member = find(taskId);
    const others = await outputs.restoring(member, async () => {
      for (const path of member.outputs) rmSync(join(root, path), { recursive: true, force: true });
      for (const path of FILES[taskId] ?? []) write(path, taskId);
      restored.push(taskId);
    });
    table.restored(slot, { taskId, ok: true, outputs: [...member.outputs], ...others });
  }
  await outputs.running([find(id)], run);
}

/** A task that reads until it is told to end; `seen` has what was missing meanwhile. */
function reader(paths: readonly string[]) {
  const missing = new Set<string>();
  let end = (): void => undefined;
  let begun = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const run = async (): Promise<void> => {
    const over = new AbortController();
    end = () => over.abort();
    begun();
    while (!over.signal.aborted && !isTestOver) {
      for (const path of paths) if (!isThere(path)) missing.add(path);
      await new Promise((next) => setImmediate(next));
    }
  };
  return { missing, run, isBegun, end: () => end() };
}

const unlessSoon = (happened: () => boolean): Promise<unknown> =>
  waitFor('what must not happen', happened, { deadlineMs: 300 }).catch(() => undefined);

it('holds up a restore into a folder that a running attempt of another slot reads', async () => {
  const { missing, run, isBegun, end } = reader(['dist/a.js']);
  const first = attempt(1, 'one:pack', run);
  await isBegun;
  const seen: boolean[] = [];
  const second = attempt(
    2,
    'two:pack',
    async () => void seen.push(isThere('dist/a.js'), isThere('dist/types/a.d.ts')),
    {
      needs: ['lib:js', 'lib:types'],
    },
  );
  await unlessSoon(() => restored.includes('lib:types'));
  expect(restored).toEqual(['lib:js']);
  end();
  await Promise.all([first, second]);
  expect([...missing]).toEqual([]);
  expect(seen).toEqual([true, true]);
});

it('restores nothing again while the files of both tasks are there', async () => {
  const needs = ['lib:js', 'lib:types'];
  await attempt(1, 'two:pack', () => Promise.resolve(), { needs });
  const { run, isBegun, end } = reader([]);
  const first = attempt(1, 'two:pack', run, { needs });
  await isBegun;
  await attempt(2, 'two:pack', () => Promise.resolve(), { needs });
  end();
  await first;
  expect(restored).toEqual(['lib:js', 'lib:types']);
});

it('restores again what another task has written over', async () => {
  tasks.push(task('lib:clash', ['dist']));
  for (const id of ['lib:js', 'lib:clash', 'lib:js'])
    await attempt(1, 'one:pack', async () => expect(readFileSync(join(root, 'dist/a.js'), 'utf8')).toBe(id), {
      needs: [id],
    });
  expect(restored).toEqual(['lib:js', 'lib:clash', 'lib:js']);
});

it('restores a dependency again for a task that needs it alone, not for one that needs what lies on top of it', async () => {
  const needs = ['lib:js', 'lib:assets'];
  for (let at = 0; at < 2; at++)
    await attempt(1, 'two:pack', async () => expect(isThere('dist/logo')).toBe(true), { needs });
  expect(restored).toEqual(['lib:js', 'lib:assets']);
  await attempt(1, 'one:pack', async () =>
    expect(readFileSync(join(root, 'dist/a.js'), 'utf8')).toBe('lib:assets'),
  );
  expect(restored).toEqual(['lib:js', 'lib:assets', 'lib:js']);
  await attempt(1, 'two:pack', () => Promise.resolve(), { needs });
  expect(restored.slice(3)).toEqual(['lib:assets']);
});

it('lets attempts that wait to restore pass each other: neither counts as a reader', async () => {
  const { run, isBegun, end } = reader(['dist/a.js']);
  const first = attempt(1, 'one:pack', run);
  await isBegun;
  const others = [2, 3].map((slot) =>
    attempt(slot, 'two:pack', () => Promise.resolve(), { needs: ['lib:types'] }),
  );
  end();
  await Promise.all([first, ...others]);
  expect(isThere('dist/a.js') && isThere('dist/types/a.d.ts')).toBe(true);
});

it('does not let new readers overtake a restore that waits', async () => {
  const { run, isBegun, end } = reader([]);
  const first = attempt(1, 'one:pack', run);
  await isBegun;
  const second = attempt(2, 'two:pack', () => Promise.resolve(), { needs: ['lib:types'] });
  await unlessSoon(() => restored.includes('lib:types'));
  let sawTypes = false;
  let hasBegun = false;
  const third = attempt(3, 'one:pack', async () => {
    hasBegun = true;
    sawTypes = isThere('dist/types/a.d.ts');
  });
  await unlessSoon(() => hasBegun);
  expect(hasBegun).toBe(false);
  end();
  await Promise.all([first, second, third]);
  expect(sawTypes).toBe(true);
});

it('says which limit ended the wait for readers', async () => {
  const { run, isBegun, end } = reader([]);
  const first = attempt(1, 'one:pack', run);
  await isBegun;
  const second = attempt(2, 'two:pack', () => Promise.resolve(), { needs: ['lib:types'], waitMs: 50 });
  await expect(second).rejects.toMatchObject({
    code: 'DTE_OUTPUTS_BUSY',
    message: expect.stringContaining('sharedOutputsMs') as string,
  });
  end();
  await first;
});
