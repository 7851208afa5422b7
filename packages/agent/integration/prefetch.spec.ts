import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AgentWanted, type Assignment } from '@org/dte-protocol';
import { assignment, runOfTasks } from '@org/dte-testing';
import { AgentBench } from './agent-bench';

const bench = new AgentBench();
const on = { prefetchedTasks: 1 };

const refs = (list: Assignment[], recalled = false): NonNullable<AgentWanted['ahead']> =>
  list.map(({ runId, taskId, attempt }) => ({
    runId,
    taskId,
    attempt,
    ...(recalled ? { recalled: true as const } : {}),
  }));

const made = (one: { workspace: string }, name: string) =>
  writeFileSync(join(one.workspace, `go-${name}`), '');
const ran = (one: { executors(): string[] }): string[] =>
  one.executors().filter((line) => /^(run|go) /.test(line));

it('says that it prepares one task beyond its slots', async () => {
  bench.start({}, on);
  await bench.server.waitForSync('the first', () => true);
  expect(bench.server.hellos.at(-1)).toMatchObject({ spare: 1 });
});

it('neither says so nor has an executor for it where that is switched off', async () => {
  const one = bench.start({ slots: 1 }, { prefetchedTasks: 0 });
  const first = assignment('a:wait');
  bench.server.want({ assignments: [first], slots: 1 });
  await bench.executing('a:wait');
  expect(bench.server.hellos.at(-1)).toMatchObject({ spare: 0 });
  made(one, 'a');
  expect(await bench.resultOf(first)).toMatchObject({ status: 'success' });
  // The next one has the same executor: there is no other, and there was none while that one was busy.
  const next = assignment('b:build');
  bench.server.want({ assignments: [next], slots: 1 });
  expect(await bench.resultOf(next)).toMatchObject({ status: 'success' });
  expect(one.pids('start')).toHaveLength(1);
});

it('prepares the next task while the slot is taken, and starts it when the slot is free, before the result of the other is there', async () => {
  const one = bench.start({ slots: 1 }, on);
  const [first, next] = [assignment('a:store'), assignment('b:build')];
  bench.server.want({ assignments: [first, next], ahead: refs([next]), slots: 1 });
  await one.waitFor('both to be prepared', () => ran(one).length === 2);
  writeFileSync(join(one.workspace, 'freed-a'), '');
  expect(await bench.resultOf(next)).toMatchObject({ status: 'success' });
  expect(bench.server.lastSync?.work.find(({ taskId }) => taskId === 'a:store')?.phase.name).not.toBe(
    'completed',
  );
  // Two processes write it.
  expect(ran(one).sort()).toEqual([
    'go b:build restore=',
    'run a:store 1 restore=',
    'run b:build 1 restore=',
  ]);
  made(one, 'a');
  expect(await bench.resultOf(first)).toMatchObject({ status: 'success' });
  expect(one.pids('start')).toHaveLength(2);
});

it('does not run the next task while the command runs, and returns it when it is recalled', async () => {
  const one = bench.start({ slots: 1 }, on);
  const [first, next] = [assignment('a:wait'), assignment('b:build')];
  bench.server.want({ assignments: [first, next], ahead: refs([next]), slots: 1 });
  await one.waitFor('both to be prepared', () => ran(one).length === 2);
  bench.server.want({ assignments: [first, next], ahead: refs([next], true), slots: 1 });
  expect(await bench.resultOf(next)).toMatchObject({ kind: 'returned', reason: { code: 'DTE_RECALLED' } });
  // Two processes write it.
  expect(ran(one).sort()).toEqual(['run a:wait 1 restore=', 'run b:build 1 restore=']);
  expect(one.output).not.toContain('b:build');
  bench.server.want({ assignments: [first], ahead: [], slots: 1 });
  made(one, 'a');
  expect(await bench.resultOf(first)).toMatchObject({ status: 'success' });
});

it('keeps a task that it has started when it is recalled', async () => {
  const one = bench.start({ slots: 1 }, on);
  const [first, next] = [assignment('a:build'), assignment('b:wait')];
  bench.server.want({ assignments: [first, next], ahead: refs([next]), slots: 1 });
  await bench.executing('b:wait');
  bench.server.want({ assignments: [next], ahead: refs([next], true), slots: 1 });
  made(one, 'b');
  expect(await bench.resultOf(next)).toMatchObject({ status: 'success' });
});

it('returns the prepared task at once when it leaves, and finishes the other', async () => {
  const one = bench.start({ slots: 1 }, on);
  const [first, next] = [assignment('a:wait'), assignment('b:build')];
  bench.server.want({ assignments: [first, next], ahead: refs([next]), slots: 1 });
  await one.waitFor('both to be prepared', () => ran(one).length === 2);
  await bench.executing('a:wait');
  one.signals.emit('SIGTERM');
  expect(await bench.resultOf(next)).toMatchObject({ kind: 'returned', reason: { code: 'DTE_RECALLED' } });
  made(one, 'a');
  expect(await bench.resultOf(first)).toMatchObject({ status: 'success' });
  bench.server.want({ assignments: [], ahead: [] });
  expect(await one.ended).toBe(0);
});

it('restores again what another task has replaced since the task was prepared', async () => {
  const one = bench.start({ slots: 1 }, on);
  const lib = { taskId: 'lib:build', hash: 'h', artifact: { kind: 'cache', hash: 'h' } as const };
  const [first, next] = [assignment('lib:wait'), assignment('b:build', { closure: [lib] })];
  bench.server.want({ assignments: [first, next], ahead: refs([next]), slots: 1 });
  await one.waitFor('both to be prepared', () => ran(one).length === 2);
  // The executor of `lib:wait` dies in the middle of its task: nobody knows what it has left.
  const [dying] = one.pids('start');
  process.kill(dying!, 'SIGKILL');
  expect(await bench.resultOf(first)).toMatchObject({ kind: 'returned' });
  expect(await bench.resultOf(next)).toMatchObject({ status: 'success' });
  expect(ran(one).filter((line) => line.includes('b:build'))).toEqual([
    'run b:build 1 restore=lib:build',
    'go b:build restore=lib:build',
  ]);
  expect(readdirSync(one.workspace)).toContain('executors.log');
});

it('prepares no task of another run while a command runs, and runs it afterwards', async () => {
  const one = bench.start({ slots: 1 }, on);
  bench.server.runs.set('run-2', runOfTasks(['b:build']));
  const [first, next] = [assignment('a:wait'), assignment('b:build', { runId: 'run-2' })];
  bench.server.want({ assignments: [first, next], ahead: refs([next]), slots: 1 });
  await bench.executing('a:wait');
  await one.waitFor('the spare executor', () => one.pids('start').length === 2);
  made(one, 'a');
  expect(await bench.resultOf(first)).toMatchObject({ status: 'success' });
  expect(await bench.resultOf(next)).toMatchObject({ status: 'success' });
  // It had the slot from the beginning.
  expect(ran(one)).toEqual(['run a:wait 1 restore=', 'run b:build 1 restore=']);
});
