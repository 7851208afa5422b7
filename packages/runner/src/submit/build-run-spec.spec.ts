import { runSpecSchema } from '@org/dte-protocol';
import { durationEstimator } from '../durations/estimator';
import { buildRunSpec, commandEnv } from './build-run-spec';
import { graphOf } from '../test-support/tasks';

const graph = graphOf(
  { 'lib:build': [], 'app:build': ['lib:build'], 'app:all': ['app:build'], 'app:serve': [] },
  {},
  {
    'lib:build': { hash: '11' },
    'app:build': { parallelism: false, hashDetails: { command: 'x', nodes: {} } },
    'app:all': { hash: '33' },
  },
);
const plan = {
  pending: ['lib:build', 'app:build'],
  noop: ['app:all'],
  servers: [],
  afterwards: ['app:serve'],
};
const input = {
  runId: 'r1',
  forwardedEnv: ['MY_FLAG'],
  onHashMismatch: 'fail' as const,
  command: 'nx run-many\n-t build',
  requestedTargets: ['build'],
  graph,
  plan,
  hits: [
    { taskId: 'lib:build', artifact: { kind: 'cache', hash: '11' } as const, local: false, failed: false },
  ],
  batches: new Map<string, string>(),
  parallel: 2,
  nxBail: false,
  skipNxCache: false,
  verbose: false,
  streamOutput: false,
  env: {},
  estimator: durationEstimator({ weights: { build: 7_000 } }),
  placing: { placements: [], indexOf: new Map<string, number>() },
  placementWaitMs: 60_000,
  taskTimeoutMs: {},
  isLeft: ({ id }: { id: string }) => id === 'app:build',
  sharingOf: () => undefined,
  retries: {},
  retryFlaky: true,
  secondStart: { '*': true },
};

describe('buildRunSpec', () => {
  it('contains every task for agents, and none that the main job keeps', () => {
    const spec = runSpecSchema.parse(buildRunSpec(input));
    expect(spec.command).toBe('nx run-many -t build');
    expect(
      spec.tasks.map(({ id, hash, initial, parallelism }) => ({ id, hash, initial, parallelism })),
    ).toEqual([
      {
        id: 'lib:build',
        hash: '11',
        initial: { state: 'done', artifact: { kind: 'cache', hash: '11' } },
        parallelism: true,
      },
      { id: 'app:build', hash: null, initial: { state: 'pending' }, parallelism: false },
      { id: 'app:all', hash: '33', initial: { state: 'noop' }, parallelism: true },
    ]);
    expect(spec.tasks[1]!.dependencies).toEqual([{ id: 'lib:build' }]);
  });

  it('contains servers and what needs them and how, without assigning them', () => {
    const served = graphOf(
      { 'app:serve': [], 'docs:serve': [], 'e2e:run': [] },
      { 'e2e:run': ['app:serve', 'docs:serve'] },
      { 'app:serve': { continuous: true, cache: false }, 'docs:serve': { continuous: true } },
    );
    served.continuousDependencies['e2e:run'] = [{ id: 'app:serve', waitFor: 'ready' }, { id: 'docs:serve' }];
    const mine = { pending: ['e2e:run'], noop: [], servers: ['app:serve'], afterwards: ['docs:serve'] };
    const { tasks } = runSpecSchema.parse(buildRunSpec({ ...input, graph: served, plan: mine, hits: [] }));
    expect(
      tasks.map(({ id, initial, continuousDependencies }) => ({ id, initial, continuousDependencies })),
    ).toEqual([
      {
        id: 'e2e:run',
        initial: { state: 'pending' },
        continuousDependencies: [{ id: 'app:serve', waitFor: 'ready' }],
      },
      { id: 'app:serve', initial: { state: 'server' }, continuousDependencies: [] },
    ]);
  });

  it('sets timeouts for the tasks that the table names', () => {
    const { tasks } = buildRunSpec({ ...input, taskTimeoutMs: { 'app:build': 900, '*': 5_000 } });
    expect(tasks.map(({ timeoutMs }) => timeoutMs)).toEqual([5_000, 900, 5_000]);
    expect(buildRunSpec(input).tasks[0]).toHaveProperty('timeoutMs', undefined);
  });

  it('requests the terminal output separately for tasks whose outputs are left', () => {
    expect(buildRunSpec(input).tasks.map(({ terminalApart }) => terminalApart)).toEqual([
      undefined,
      true,
      undefined,
    ]);
  });

  it('contains what Nx always reads, and not what applies only to this machine', () => {
    const { nxTask } = buildRunSpec(input).tasks[1]!;
    expect(nxTask.overrides).toEqual({ __overrides_unparsed__: [] });
    expect(nxTask).not.toHaveProperty('hashDetails');
  });

  it('names the batch of a task that runs in one', () => {
    const batches = new Map([
      ['lib:build', 'tsc 1'],
      ['app:build', 'tsc 1'],
    ]);
    expect(buildRunSpec({ ...input, batches }).tasks.map(({ batch }) => batch)).toEqual([
      undefined,
      'tsc 1',
      undefined,
    ]);
  });

  it('lets no task use a cache with --skip-nx-cache, nor one whose hash cannot be a key', () => {
    const cacheable = (fields: object) =>
      buildRunSpec({ ...input, ...fields }).tasks.map((task) => task.cacheable);
    expect(cacheable({})).toEqual([true, true, true]);
    expect(cacheable({ skipNxCache: true })).toEqual([false, false, false]);
    const odd = graphOf({ 'lib:build': [] }, {}, { 'lib:build': { hash: 'a/b' } });
    expect(cacheable({ graph: odd, hits: [], plan: { ...plan, pending: ['lib:build'], noop: [] } })).toEqual([
      false,
    ]);
  });
});

describe('the handling of failures', () => {
  it('is set for each task: retries by target, and whether its hash can show that it is flaky', () => {
    const odd = graphOf({ 'lib:build': [], 'app:e2e': [] }, {}, { 'app:e2e': { cache: false } });
    const { tasks } = buildRunSpec({
      ...input,
      graph: odd,
      hits: [],
      retries: { e2e: 2 },
      plan: { ...plan, pending: ['lib:build', 'app:e2e'], noop: [], afterwards: [] },
    });
    expect(tasks.map(({ id, retries, flakiness }) => [id, retries, flakiness])).toEqual([
      ['lib:build', undefined, 'retry'],
      ['app:e2e', 2, undefined],
    ]);
    const watching = buildRunSpec({ ...input, retryFlaky: false }).tasks;
    expect(watching.map(({ flakiness }) => flakiness)).toEqual(['watch', 'watch', 'watch']);
  });

  it('lets cached tasks start a second time, as far as the option does', () => {
    const twice = (secondStart: Record<string, boolean>, cache = true): string[] => {
      const tasks = Object.fromEntries(
        Object.entries(graph.tasks).map(([id, task]) => [id, { ...task, cache }]),
      );
      const { tasks: specs } = buildRunSpec({ ...input, graph: { ...graph, tasks }, secondStart });
      return specs.filter(({ secondStart: may }) => may === true).map(({ id }) => id);
    };
    expect(twice({ '*': true })).toEqual(['lib:build', 'app:build', 'app:all']);
    expect(twice({})).toEqual(twice({ '*': true }));
    expect(twice({ 'lib:build': false, '*': true })).toEqual(['app:build', 'app:all']);
    expect(twice({ '*': false })).toEqual([]);
    expect(twice({ '*': true }, false)).toEqual([]);
  });
});

describe('a run with assignment rules', () => {
  const placements = [
    { rule: '.nx/dte.yaml:2 (targets build)', runOn: [{ label: 'big', parallelism: null }] },
  ];
  const indexOf = new Map([
    ['lib:build', 0],
    ['app:build', 0],
  ]);

  it('contains the placement of each task that still has to run', () => {
    const spec = runSpecSchema.parse(buildRunSpec({ ...input, placing: { placements, indexOf } }));
    expect(spec).toMatchObject({ placements, placementWaitMs: 60_000 });
    expect(spec.tasks.map(({ id, placement }) => [id, placement])).toEqual([
      ['lib:build', undefined],
      ['app:build', 0],
      ['app:all', undefined],
    ]);
  });

  it('contains no rules when no task needs one', () => {
    expect(buildRunSpec(input)).not.toHaveProperty('placements');
  });
});

describe('commandEnv', () => {
  it("includes Nx's switches and public variables, except those whose values must not be written anywhere", () => {
    const env = {
      NX_BASE: 'a',
      NX_PUBLIC_API: 'b',
      MY_FLAG: 'c',
      NX_PUBLIC_KEY: 'g',
      NX_CLOUD_ACCESS_TOKEN: 'd',
      PATH: 'e',
      NX_CACHE_DIRECTORY: 'f',
    };
    expect(commandEnv(env, ['MY_FLAG', 'NX_PUBLIC_KEY'])).toEqual({ NX_BASE: 'a', NX_PUBLIC_API: 'b' });
  });
});
