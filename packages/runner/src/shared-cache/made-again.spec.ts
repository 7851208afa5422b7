import { endedEntry } from '../test-support/run-log';
import { graphOf } from '../test-support/tasks';
import type { Ending } from '../tasks/leftovers';
import { type AgainRun, MadeAgain, type MadeAgainOptions } from './made-again';

const damaged = { code: 'DTE_ARTIFACT_DAMAGED' } as const;
const graph = graphOf({ 'lib:build': [], 'all:build': ['lib:build'], 'app:build': ['all:build'] });
for (const task of Object.values(graph.tasks)) task.hash = `hash of ${task.id}`;
const app = graph.tasks['app:build']!;
const lib = graph.tasks['lib:build']!;

const ended = (taskId: string) => endedEntry(1, { taskId });

function bench(change: Partial<MadeAgainOptions> = {}) {
  const runs: AgainRun[] = [];
  const endings = new Map<string, Ending>([['lib:build', 'success']]);
  const again = new MadeAgain({
    graph,
    isGroup: (id) => id === 'all:build',
    hasAgents: () => true,
    endingOf: (id) => endings.get(id),
    whenTaken: () => Promise.resolve(),
    askHeld: (hashes) => Promise.resolve(new Map(hashes.map((hash) => [hash, null]))),
    run: (run) => {
      runs.push(run);
      return Promise.resolve(ended(run.task.id));
    },
    ...change,
  });
  return { again, runs, endings };
}

it('a damaged result is made again on an agent, with what it needs, through groups', async () => {
  const { again, runs } = bench();
  expect(await again.make(app, damaged)).toMatchObject({ type: 'ended', taskId: 'app:build' });
  expect(runs.map(({ task, needs }) => [task.id, needs.map(({ id }) => id)])).toEqual([
    ['app:build', ['all:build', 'lib:build']],
  ]);
});

it('it is tried once, and only because of damage', async () => {
  const { again, runs } = bench();
  expect(await again.make(app, { code: 'DTE_NO_COORDINATOR' })).toBeNull();
  expect(await again.make(app, { code: 'DTE_ARTIFACT_MISSING' })).not.toBeNull();
  expect(await again.make(app, damaged)).toBeNull();
  expect(runs).toHaveLength(1);
});

it('it waits for what is just being taken over, which may be made again itself', async () => {
  let taken = (): void => undefined;
  const { again, runs, endings } = bench({ whenTaken: () => new Promise((resolve) => (taken = resolve)) });
  endings.clear();
  const making = again.make(app, damaged);
  expect(runs).toEqual([]);
  endings.set('lib:build', 'success');
  taken();
  expect(await making).not.toBeNull();
});

it.each<[string, Partial<MadeAgainOptions>]>([
  ['there is no agent', { hasAgents: () => false }],
  ['a dependency has not succeeded', { endingOf: () => 'returned' }],
  ['the coordinator does not have a dependency', { askHeld: () => Promise.resolve(new Map()) }],
  ['the coordinator is gone', { askHeld: () => Promise.reject(new Error('gone')) }],
  ['no agent has run it', { run: () => Promise.resolve(null) }],
  [
    'it needs a server',
    { graph: { ...graph, continuousDependencies: { 'app:build': [{ id: 'lib:serve' }] } } },
  ],
])('this job runs it if %s', async (_, change) => {
  expect(await bench(change).again.make(app, damaged)).toBeNull();
});

it('this job runs it if a dependency has no hash', async () => {
  const without = { ...graph, tasks: { ...graph.tasks, 'lib:build': { ...lib, hash: undefined } } };
  expect(await bench({ graph: without }).again.make(app, damaged)).toBeNull();
});

it('at most 32 at a time, and none after the end', async () => {
  const many = graphOf(Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`p${index}:build`, []])));
  const ends: (() => void)[] = [];
  const { again } = bench({
    graph: many,
    run: ({ task }) => new Promise((resolve) => ends.push(() => resolve(ended(task.id)))),
  });
  const making = Object.values(many.tasks).map((task) => again.make(task, damaged));
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  await settled();
  expect(ends).toHaveLength(32);
  ends[0]!();
  await settled();
  expect(ends).toHaveLength(33);
  again.stop();
  for (const end of ends) end();
  const made = await Promise.all(making);
  expect(made.filter((each) => each !== null)).toHaveLength(33);
  expect(ends).toHaveLength(33);
});
