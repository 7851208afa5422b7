import { type ClosureEntry } from '@org/dte-protocol';
import { RestoredTable } from './restored-table';

const entry = (taskId: string, hash = '1'): ClosureEntry => ({
  taskId,
  hash,
  artifact: { kind: 'cache', hash },
});
const ids = (entries: readonly ClosureEntry[]): string[] => entries.map(({ taskId }) => taskId);

let table: RestoredTable;
beforeEach(() => {
  table = new RestoredTable();
});
const plan = (executorId: number, ...closure: ClosureEntry[]) => {
  const { restore, awaiting } = table.plan(executorId, 'run-1', closure);
  return { restore: ids(restore), awaiting: ids(awaiting) };
};

it('restores nothing that is already on disk', () => {
  expect(plan(1, entry('lib:build'))).toEqual({ restore: ['lib:build'], awaiting: [] });
  table.restored(1, { taskId: 'lib:build', ok: true, outputs: ['dist/lib'] });
  expect(plan(2, entry('lib:build'))).toEqual({ restore: [], awaiting: [] });
});

it('restores again when another artifact of the task is wanted', () => {
  plan(1, entry('lib:build'));
  table.restored(1, { taskId: 'lib:build', ok: true, outputs: ['dist/lib'] });
  expect(plan(1, entry('lib:build', '2')).restore).toEqual(['lib:build']);
});

it('lets a second executor await what the first restores, and returns the executors to notify', () => {
  plan(1, entry('lib:build'));
  expect(plan(2, entry('lib:build'))).toEqual({ restore: [], awaiting: ['lib:build'] });
  expect(table.restored(1, { taskId: 'lib:build', ok: true, outputs: ['dist/lib'] })).toEqual([2]);
});

it('leaves a failed restore to the executors that awaited it', () => {
  plan(1, entry('lib:build'));
  plan(2, entry('lib:build'));
  expect(table.restored(1, { taskId: 'lib:build', ok: false, outputs: [] })).toEqual([2]);
  expect(plan(3, entry('lib:build')).restore).toEqual(['lib:build']);
});

it('drops what an executor that crashed was restoring', () => {
  plan(1, entry('lib:build'), entry('core:build'));
  plan(2, entry('lib:build'));
  table.restored(1, { taskId: 'core:build', ok: true, outputs: ['dist/core'] });
  expect(table.abandon(1)).toEqual([{ taskId: 'lib:build', awaitedBy: [2] }]);
  expect(plan(3, entry('lib:build'), entry('core:build')).restore).toEqual(['lib:build']);
});

it('records what ran here, until it runs again', () => {
  table.produced('run-1', 'app:build', { kind: 'attempt', attempt: 2 }, ['dist/app']);
  const made: ClosureEntry = { taskId: 'app:build', hash: null, artifact: { kind: 'attempt', attempt: 2 } };
  expect(plan(1, made).restore).toEqual([]);
  expect(table.plan(1, 'run-2', [made]).restore).toEqual([made]);
  table.abandon(1);
  table.began('app:build');
  expect(plan(1, made).restore).toEqual(['app:build']);
});

it.each([
  ['the same folder', 'dist/app', 'dist/app'],
  ['a folder above', 'dist/app', 'dist'],
  ['a folder below', 'dist', 'dist/app/browser'],
  ['a glob in it', 'dist/app', 'dist/app/*.js'],
])('forgets a task whose outputs another task overwrote: %s', (_, first, second) => {
  table.produced('run-1', 'app:build', { kind: 'cache', hash: '1' }, [first]);
  table.produced('run-1', 'app:build:production', { kind: 'cache', hash: '2' }, [second]);
  expect(plan(1, entry('app:build:production', '2')).restore).toEqual([]);
  expect(plan(1, entry('app:build')).restore).toEqual(['app:build']);
});

it.each(['run-1', 'run-2'])(
  'restores again what is inside outputs that are restored again, for %s',
  (runId) => {
    const closure = [entry('lib:build'), entry('lib:assets'), entry('other:build')];
    table.produced('run-1', 'lib:build', { kind: 'cache', hash: '1' }, ['dist/lib']);
    table.produced('run-1', 'lib:assets', { kind: 'cache', hash: '1' }, ['dist/lib/assets']);
    table.produced('run-1', 'other:build', { kind: 'cache', hash: '1' }, ['dist/other']);
    expect(ids(table.plan(1, runId, closure).restore)).toEqual(['lib:build', 'lib:assets']);
    expect(ids(table.plan(2, runId, closure).awaiting)).toEqual(['lib:build', 'lib:assets']);
  },
);

it('keeps tasks whose outputs do not overlap', () => {
  table.produced('run-1', 'app:build', { kind: 'cache', hash: '1' }, ['dist/app', '!dist/app/cache']);
  table.produced('run-1', 'application:build', { kind: 'cache', hash: '1' }, ['dist/application']);
  expect(plan(1, entry('app:build'), entry('application:build')).restore).toEqual([]);
});

it('has nothing to restore for a task without an artifact', () => {
  expect(plan(1, { taskId: 'app:e2e-ci', hash: null, artifact: { kind: 'none' } })).toEqual({
    restore: [],
    awaiting: [],
  });
});

it('knows which dependencies an earlier run has left', () => {
  plan(1, entry('lib:build'));
  table.restored(1, { taskId: 'lib:build', ok: true, outputs: ['dist'] });
  expect(table.leftEarlier('run-1', [entry('lib:build')])).toBe(false);
  expect(table.leftEarlier('run-2', [entry('other:build')])).toBe(false);
  expect(table.leftEarlier('run-2', [entry('other:build'), entry('lib:build')])).toBe(true);
});

it('restores again what a task without a result may have changed', () => {
  plan(1, entry('lib:build'), entry('types:build'));
  table.restored(1, { taskId: 'lib:build', ok: true, outputs: ['dist/lib'] });
  table.restored(1, { taskId: 'types:build', ok: true, outputs: ['types'] });
  table.spoiled(['dist']);
  expect(plan(1, entry('lib:build'), entry('types:build')).restore).toEqual(['lib:build']);
  table.restored(1, { taskId: 'lib:build', ok: true, outputs: ['dist/lib'] });
  table.forget();
  expect(plan(1, entry('lib:build'), entry('types:build')).restore).toEqual(['lib:build', 'types:build']);
});
