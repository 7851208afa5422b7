import type { FetchResult } from '@org/dte-nx-compat';
import { DteError, type EndedEntry, type FinishedAttempt } from '@org/dte-protocol';
import type { DriftInvestigator } from '../drift/investigator';
import { Trouble } from '../drift/trouble';
import { Explainer } from '../report/explainer';
import type { GroupEnd } from './groups';
import { OutputsHere } from '../outputs/outputs-here';
import { Reporter } from '../report/reporter';
import { RestoreQueue } from '../outputs/restore-queue';
import type { Restored } from '../outputs/restore';
import { type ResultsOptions, RunResults } from './run-results';
import { endedEntry, finishedAttempt } from '../test-support/run-log';
import { graphOf, recordingLifeCycle } from '../test-support/tasks';

const agent = { agentId: 'a', name: 'agent-1', jobUrl: null };
const refused = finishedAttempt({
  status: 'failure',
  code: 1,
  hash: '43',
  artifact: { kind: 'none' },
  reason: { code: 'DTE_HASH_MISMATCH', message: 'another hash here.' },
  drift: { agreed: '1', checkout: null, runtime: {}, env: {} },
});
const ended = (taskId: string, status: EndedEntry['status'], result: FinishedAttempt | null): EndedEntry =>
  endedEntry(1, {
    taskId,
    status,
    attempt: result === null ? null : 1,
    agent: result === null ? null : agent,
    result,
    reason: result?.reason ?? null,
  });

/** Names one input for every attempt with a difference. */
const investigator: DriftInvestigator = {
  describe: (task, agentName, { drift }) =>
    Promise.resolve(
      drift === undefined
        ? null
        : {
            message: `${task.id} differs on ${agentName}: NODE_ENV.`,
            short: `${task.id}: NODE_ENV`,
            own: own(),
          },
    ),
};
let own = (): string[] => [];
const drift: FinishedAttempt['drift'] = { agreed: '1', checkout: null, runtime: {}, env: {} };

interface Given {
  readonly restore?: () => Promise<Restored>;
  readonly fetch?: FetchResult;
  readonly keeps?: () => Promise<void>;
  readonly left?: readonly string[];
  readonly replaysFailures?: boolean;
  readonly group?: GroupEnd;
  readonly judges?: boolean;
  makeAgain?: ResultsOptions['makeAgain'];
}

function setUp({
  restore = () => Promise.resolve({ terminalOutput: 'out', from: 'remote' }),
  fetch,
  keeps = () => Promise.resolve(),
  left = [],
  replaysFailures = true,
  group = { terminalOutput: '', from: null },
  judges = false,
  makeAgain = () => Promise.resolve(null),
}: Given = {}) {
  const kept = new Map<string, string>();
  const { lifeCycle, calls } = recordingLifeCycle();
  const said: string[] = [];
  const graph = graphOf({ 'lib:build': [], 'app:build': ['lib:build'] });
  const voice = {
    line: (text: string) => void said.push(text),
    explain: ({ code, message }: DteError) => void said.push(`${code} ${message}`),
  };
  const results = new RunResults({
    graph,
    cache: {
      fetch: () => Promise.resolve(fetch ?? { kind: 'miss' }),
      replays: (code) => code === 0 || replaysFailures,
      recordTaskDetails: jest.fn(),
      keepHere: () => Promise.resolve(),
      keepTerminalOutput: (task, output) => {
        kept.set(task.id, output);
        return keeps();
      },
    },
    makeAgain,
    skipNxCache: false,
    reporter: new Reporter({
      lifeCycle,
      streams: () => false,
      createPrinter: () => ({ write: jest.fn(), restart: jest.fn(), end: jest.fn() }),
    }),
    outputs: new OutputsHere({
      runId: 'r1',
      graph,
      policy: { isLeft: ({ id }) => left.includes(id), pickedOf: () => null },
      restorer: {
        restore,
        printed: restore,
        leave: () => Promise.resolve({ terminalOutput: 'printed', bytes: 7 }),
      },
      restores: new RestoreQueue(4),
      shared: {
        folder: '/no-such-folder',
        overlapping: () => [],
        made: () => Promise.resolve(),
        restoring: (_task, work) => work(),
      },
      explainer: new Explainer(voice),
    }),
    explainer: new Explainer(voice),
    trouble: new Trouble({
      explainer: new Explainer(voice),
      investigator,
      line: voice.line,
      judges,
    }),
    onLateFailure: () => void said.push('late failure'),
    groups: { has: (id) => id === 'app:build', end: () => Promise.resolve(group) },
    servers: { servers: [], counted: true },
    onBatchLog: (title, log) => said.push(`${title}: ${log}`),
    startMs: 0,
  });
  return { results, calls, said, graph, kept };
}

describe('RunResults', () => {
  it('fails a task that must not start on the main job, with the reason', async () => {
    const { results, calls, kept } = setUp();
    const error = new DteError('DTE_ARTIFACT_MISSING', 'The outputs of x cannot be had.');
    await results.failHere(new Map([['app:build', error]]));
    expect(results.statuses).toEqual({ 'app:build': 'failure' });
    expect(results.endings.get('app:build')).toBe('failure');
    expect(kept.get('app:build')).toContain('The outputs of x cannot be had.');
    expect(calls.filter((call) => call.startsWith('end '))).toEqual([
      expect.stringMatching(/^end app:build failure 1 /),
    ]);
  });

  it('ends a task that only groups others with a hash, and with the status of the cache that had it', async () => {
    const group = { terminalOutput: '', from: 'remote' } as const;
    const { results, calls, graph } = setUp({ group });
    results.onEntry(ended('app:build', 'success', null));
    await results.idle();
    expect(results.statuses).toEqual({ 'app:build': 'remote-cache' });
    expect(graph.tasks['app:build']?.hash).toEqual(expect.any(String));
    expect(calls.at(-1)).toContain('end app:build remote-cache 0');
    expect(results.fromCache).toBe(1);
  });

  it('gives a task with an unknown hash a placeholder for the history of Nx', async () => {
    const { results, graph } = setUp();
    delete graph.tasks['lib:build']?.hash;
    results.onEntry(ended('lib:build', 'failure', null));
    await results.idle();
    expect(graph.tasks['lib:build']?.hash).toBe('task-lib-build');
  });

  it('reports a task as a success only when its outputs are restored', async () => {
    const { results, calls, graph } = setUp();
    results.onEntry(ended('lib:build', 'success', finishedAttempt()));
    expect(results.statuses).toEqual({});
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'success' });
    expect(calls.at(-1)).toBe('end lib:build success 0 group 0');
    expect(graph.tasks['lib:build']).toMatchObject({
      hash: '42',
      startTime: expect.any(Number) as number,
      endTime: expect.any(Number) as number,
    });
    expect(results.byAgent).toEqual(new Map([['agent-1', 1]]));
  });

  it('shows the terminal output of a task whose outputs are left, keeps it where Nx reads it, and restores the outputs of a failure', async () => {
    const restored = jest.fn(() => Promise.resolve({ terminalOutput: 'all of it', from: 'remote' } as const));
    const { results, calls, kept } = setUp({ restore: restored, left: ['lib:build', 'app:build'] });
    results.onEntry(ended('lib:build', 'success', finishedAttempt()));
    results.onEntry(ended('app:build', 'failure', finishedAttempt({ status: 'failure', code: 7 })));
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'success', 'app:build': 'failure' });
    expect(calls).toContain('print lib:build success "printed"');
    expect([restored.mock.calls.length, kept.get('lib:build')]).toEqual([1, 'printed']);
  });

  it('marks a hit whose outputs are left, and restores what is already on this machine', async () => {
    const here = { kind: 'local', entry: { code: 0, terminalOutput: 'here', outputsPath: '' } } as const;
    const { results, graph } = setUp({ fetch: here, left: ['lib:build', 'app:build'] });
    for (const id of ['lib:build', 'app:build'])
      Object.assign(graph.tasks[id]!, { hash: '1', outputs: ['x'] });
    results.onHit({ taskId: 'lib:build', artifact: { kind: 'none' }, local: false, failed: false });
    results.onHit({ taskId: 'app:build', artifact: { kind: 'none' }, local: true, failed: false });
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'remote-cache', 'app:build': 'local-cache' });
  });

  it('prints what the process of a batch itself printed, in addition to the output of each task', async () => {
    const { results, said, calls } = setUp();
    results.onEntry({ ...ended('lib:build', 'success', finishedAttempt()), batchLog: 'Compiling' });
    await results.idle();
    expect(said).toEqual(['dte: the batch of lib:build on agent-1 printed: Compiling']);
    expect(calls).toContain('print lib:build success "out"');
    const { attempt, agent } = ended('lib:build', 'success', finishedAttempt());
    const reason = { code: 'DTE_TASK_FAILED', message: 'again' } as const;
    const retried = {
      seq: 9,
      type: 'retried',
      taskId: 'lib:build',
      attempt: attempt!,
      agent: agent!,
      reason,
    } as const;
    results.onEntry({ ...retried, batchLog: 'Broken' });
    expect(said.at(-1)).toBe('dte: the batch of lib:build on agent-1 printed: Broken');
  });

  it('stores the output of a failed task where Nx reads it, and ignores a full disk', async () => {
    const whole = setUp();
    whole.results.onEntry(ended('lib:build', 'failure', finishedAttempt({ status: 'failure', code: 7 })));
    await whole.results.idle();
    expect(whole.kept).toEqual(new Map([['lib:build', 'out']]));

    const full = setUp({ keeps: () => Promise.reject(new DteError('DTE_DISK_FULL', 'full')) });
    full.results.onEntry(ended('lib:build', 'failure', finishedAttempt({ status: 'failure', code: 7 })));
    await full.results.idle();
    expect(full.results.statuses).toEqual({ 'lib:build': 'failure' });
    expect(full.said).toEqual(['DTE_DISK_FULL full']);
    expect(full.calls.at(-1)).toBe('end lib:build failure 1 group 0');
  });

  it('shows a task as stopped if it was cancelled while it ran, and reports nothing for one that had not started', async () => {
    const { results, calls } = setUp();
    results.onEntry({ seq: 1, type: 'started', taskId: 'lib:build', attempt: 1, agent, atMs: 0 });
    results.onEntry(ended('lib:build', 'cancelled', null));
    results.onEntry(ended('app:build', 'cancelled', null));
    await results.idle();
    expect([...results.stopped]).toEqual(['lib:build']);
    expect(calls.filter((call) => call.startsWith('end'))).toEqual(['end lib:build stopped 1 group 0']);
  });

  it('treats a cached failure as a failure if Nx does, else lets the main job run the task', async () => {
    const failure = { kind: 'local', entry: { code: 3, terminalOutput: 'no', outputsPath: '' } } as const;
    const hit = { taskId: 'lib:build', artifact: { kind: 'none' }, local: true, failed: true } as const;
    const replayed = setUp({ fetch: failure });
    replayed.results.onHit(hit);
    await replayed.results.idle();
    expect(replayed.results.statuses).toEqual({ 'lib:build': 'failure' });

    const { results } = setUp({ fetch: failure, replaysFailures: false });
    results.onHit({ ...hit, failed: false });
    await results.idle();
    expect([results.statuses, results.endings.get('lib:build')]).toEqual([{}, 'returned']);
  });

  it('lets the main job run a task whose outputs cannot be restored', async () => {
    const { results, calls, said } = setUp({
      restore: () => Promise.reject(new DteError('DTE_ARTIFACT_MISSING', 'gone')),
    });
    results.onEntry(ended('lib:build', 'success', finishedAttempt()));
    await results.idle();
    expect(results.endings.get('lib:build')).toBe('returned');
    expect(results.statuses).toEqual({});
    expect(calls.filter((call) => call.startsWith('end'))).toEqual([]);
    expect(said).toEqual(['DTE_ARTIFACT_MISSING gone']);
  });

  it('never loses a failure, even if its output cannot be downloaded', async () => {
    const { results, calls } = setUp({
      restore: () => Promise.reject(new DteError('DTE_ARTIFACT_MISSING', 'gone')),
    });
    results.onEntry(ended('lib:build', 'failure', finishedAttempt({ status: 'failure', code: 7 })));
    expect(results.endings.get('lib:build')).toBe('failure');
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'failure' });
    expect(calls.at(-1)).toBe('end lib:build failure 1 group 0');
    expect(results.failedOn).toEqual(new Map([['lib:build', agent]]));
  });

  it('shows a cache hit of an agent as a remote hit', async () => {
    const { results } = setUp();
    results.onEntry(ended('lib:build', 'success', finishedAttempt({ fromCache: 'local-cache' })));
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'remote-cache' });
    expect([results.fromCache, results.byAgent.size]).toEqual([1, 0]);
  });

  it('lets the main job run a task whose hash differs, names the input, and reports further ones briefly', async () => {
    const { results, said } = setUp();
    const reason = { code: 'DTE_HASH_MISMATCH', message: 'another hash here.' } as const;
    const other = finishedAttempt({ status: 'failure', code: 1, reason, drift });
    results.onEntry(ended('lib:build', 'returned', other));
    results.onEntry(ended('app:build', 'returned', other));
    await results.idle();
    expect([...results.endings.values()]).toEqual(['returned', 'returned']);
    expect(said).toEqual([
      'DTE_HASH_MISMATCH lib:build differs on agent-1: NODE_ENV.',
      'dte: app:build: NODE_ENV',
    ]);
  });

  it('in mode auto lets the main job run what differs only by its own uncommitted changes', async () => {
    const { results, said } = setUp({ judges: true });
    own = () => ['apps/app/package.json', 'libs/x.ts'];
    results.onEntry(ended('lib:build', 'returned', refused));
    await results.idle();
    own = () => [];
    expect(results.endings.get('lib:build')).toBe('returned');
    expect(said).toEqual([
      'dte: lib:build runs on the main job (uncommitted changes here that the agents do not have: apps/app/package.json, and 1 more)',
    ]);
  });

  it('in mode auto fails everything else, under a hash that no success can have', async () => {
    const { results, said, calls, graph, kept } = setUp({ judges: true });
    results.onEntry(ended('lib:build', 'returned', refused));
    // Its dependent was returned with it.
    results.onEntry({ ...ended('app:build', 'returned', null), reason: refused.reason });
    await results.idle();
    expect([...results.endings]).toEqual([
      ['lib:build', 'failure'],
      ['app:build', 'returned'],
    ]);
    expect(said).toEqual(['late failure']);
    expect(calls.at(-1)).toBe('end lib:build failure 1 group 0');
    expect(kept.get('lib:build')).toMatch(/lib:build differs on agent-1: NODE_ENV/);
    expect(graph.tasks['lib:build']!.hash).toBe('refused-lib-build');
  });

  it('shows the differences as the output of a task that failed because of them', async () => {
    const { results, kept, said } = setUp({
      restore: () => Promise.resolve({ terminalOutput: '', from: null }),
    });
    const reason = { code: 'DTE_HASH_MISMATCH', message: 'another hash here.' } as const;
    results.onEntry(
      ended('lib:build', 'failure', finishedAttempt({ status: 'failure', code: 1, reason, drift })),
    );
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'failure' });
    expect(kept.get('lib:build')).toMatch(
      /^lib:build differs on agent-1: NODE_ENV\.\n {2}What to do: .*\n.*DTE_HASH_MISMATCH/,
    );
    expect(said).toEqual([]);
  });

  it('warns about a task that ran under another hash, which is a success', async () => {
    const { results, said, graph } = setUp();
    graph.tasks['lib:build']!.hash = 'ours';
    const artifact = { kind: 'attempt', attempt: 1 } as const;
    results.onEntry(ended('lib:build', 'success', finishedAttempt({ drift, artifact, hash: 'theirs' })));
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'success' });
    expect(graph.tasks['lib:build']!.hash).toBe('theirs');
    expect(said).toEqual(['DTE_HASH_MISMATCH lib:build differs on agent-1: NODE_ENV.']);
  });

  it('shows the reason of a failure that dte has to explain below its output', async () => {
    const { results, kept } = setUp();
    const reason = { code: 'DTE_HASH_MISMATCH', message: 'lib:build has another hash here.' } as const;
    results.onEntry(ended('lib:build', 'failure', finishedAttempt({ status: 'failure', code: 1, reason })));
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'failure' });
    expect(kept.get('lib:build')).toMatch(/^out\n.*lib:build has another hash here\./s);
  });

  it('explains each kind of problem once', async () => {
    const { results, said } = setUp({
      restore: () => Promise.reject(new DteError('DTE_ARTIFACT_MISSING', 'gone')),
    });
    results.onEntry(ended('lib:build', 'success', finishedAttempt()));
    results.onEntry(ended('app:build', 'success', finishedAttempt()));
    await results.idle();
    expect(said).toHaveLength(1);
  });

  it('settles a task that does nothing without a download', async () => {
    const restore = jest.fn(() => Promise.resolve({ terminalOutput: '', from: null }));
    const { results } = setUp({ restore });
    results.onEntry(ended('lib:build', 'success', null));
    await results.idle();
    expect(restore.mock.calls).toMatchObject([[{ id: 'lib:build' }, { kind: 'none' }, 'success']]);
    expect(results.statuses).toEqual({ 'lib:build': 'success' });
  });

  it('shows what this machine also had as a local hit', async () => {
    const { results, graph } = setUp({
      restore: () => Promise.resolve({ terminalOutput: 'out', from: 'local' }),
    });
    graph.tasks['lib:build']!.outputs = ['dist'];
    results.onEntry(ended('lib:build', 'success', finishedAttempt({ fromCache: 'remote-cache' })));
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'local-cache' });
  });

  it('reports a local hit of a task without outputs as Nx does', async () => {
    const { results, calls } = setUp({
      fetch: {
        kind: 'local',
        entry: { code: 0, terminalOutput: 'old', outputsPath: '' },
      },
    });
    results.onHit({ taskId: 'lib:build', artifact: { kind: 'none' }, local: true, failed: false });
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'local-cache-kept-existing' });
    expect(calls).toContain('print lib:build local-cache-kept-existing "old"');
  });

  it('reports a hit of the local cache as Nx does', async () => {
    const { results, calls, graph } = setUp({
      fetch: {
        kind: 'local',
        entry: { code: 0, terminalOutput: 'old', outputsPath: '' },
      },
    });
    graph.tasks['lib:build']!.outputs = ['dist'];
    results.onHit({ taskId: 'lib:build', artifact: { kind: 'none' }, local: true, failed: false });
    await results.idle();
    expect(results.statuses).toEqual({ 'lib:build': 'local-cache' });
    expect(calls).toContain('print lib:build local-cache "old"');
  });

  it('lets the main job run a hit that is missing when it is downloaded', async () => {
    const { results } = setUp();
    results.onHit({ taskId: 'lib:build', artifact: { kind: 'none' }, local: true, failed: false });
    await results.idle();
    expect(results.endings.get('lib:build')).toBe('returned');
  });

  it.each(['skipped', 'cancelled', 'returned'] as const)(
    'records that a task was %s, without reporting it to Nx',
    async (status) => {
      const { results, calls } = setUp();
      results.onEntry(ended('lib:build', status, null));
      await results.idle();
      expect([results.endings.get('lib:build'), calls]).toEqual([status, []]);
    },
  );
});
