import { DteError, type EndedEntry, type FinishedAttempt } from '@org/dte-protocol';
import { concluded, lacking, neverRun, stopped } from './conclusion';
import type { Source, Taken } from './state';

const TIMES = { startMs: 1_000, nowMs: 9_000 };
const task = { id: 'app:build', outputs: ['dist'] };
const agent = { agentId: 'a', name: 'agent-1', jobUrl: null };
const servers = [{ taskId: 'api:serve', failed: true, ended: 'Exit code 1.', output: 'x' }];

const finished = (fields: Partial<FinishedAttempt> = {}): FinishedAttempt => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: '1',
  artifact: { kind: 'cache', hash: '1' },
  startMs: 2_000,
  endMs: 3_000,
  reason: null,
  hashDetails: null,
  ...fields,
});
const entry = (fields: Partial<EndedEntry> = {}): EndedEntry => ({
  seq: 1,
  type: 'ended',
  taskId: task.id,
  status: 'success',
  attempt: 3,
  agent,
  result: null,
  reason: null,
  ...fields,
});
const taken = (fields: Partial<Taken> = {}): Taken => ({
  terminalOutput: 'words',
  from: null,
  code: 0,
  isLeft: false,
  note: 'a note',
  ...fields,
});
const hit: Source = {
  kind: 'hit',
  hit: { taskId: task.id, artifact: { kind: 'none' }, local: true, failed: false },
};
const from = (source: Source, fields: Partial<Taken> = {}) => concluded(task, source, taken(fields), TIMES);

/** Said of every task. */
const said = { taskId: 'app:build', terminalOutput: 'words', note: 'a note' };
const noServers = { agentName: '', reports: [] };
const ofAgent = { agentName: 'agent-1', reports: [] };

describe('a hit', () => {
  const common = { ...said, attempt: null, stamp: { kind: 'hit', endMs: 9_000 }, keeps: 'nothing' };

  it.each([
    ['local', 'local-cache'],
    ['remote', 'remote-cache'],
    [null, 'remote-cache'],
  ] as const)('from the cache %j is a success with the status %s', (cache, status) => {
    const conclusion = from(hit, { from: cache });
    expect(conclusion).toEqual({ ...common, ending: 'success', status, code: 0, servers: noServers });
  });

  it('with another exit code than 0 is a failure with this code', () => {
    const conclusion = from(hit, { from: 'local', code: 3 });
    expect(conclusion).toEqual({
      ...common,
      ending: 'failure',
      status: 'failure',
      code: 3,
      servers: noServers,
    });
  });
});

describe('a task that only groups others', () => {
  it.each([
    [null, 'success'],
    ['local', 'local-cache'],
    ['remote', 'remote-cache'],
  ] as const)('from the cache %j has the status %s, and ran in no time', (cache, status) => {
    expect(from({ kind: 'group' }, { from: cache })).toEqual({
      ...said,
      ending: 'success',
      status,
      code: 0,
      attempt: null,
      stamp: { kind: 'ran', finished: null, startMs: 9_000, endMs: 9_000 },
      keeps: 'nothing',
      servers: noServers,
    });
  });
});

describe('a success of an agent', () => {
  const of = (result: FinishedAttempt | null, fields: Partial<Taken> = {}) =>
    from({ kind: 'success', entry: entry(), finished: result }, fields);

  it('has the times of the agent, its attempt and its servers', () => {
    const result = finished({ servers });
    expect(of(result)).toEqual({
      ...said,
      ending: 'success',
      status: 'success',
      code: 0,
      attempt: 3,
      stamp: { kind: 'ran', finished: result, startMs: 2_000, endMs: 3_000 },
      keeps: 'nothing',
      servers: { agentName: 'agent-1', reports: servers },
    });
  });

  it('without a result or an agent ends now, without servers', () => {
    const source: Source = { kind: 'success', entry: entry({ agent: null }), finished: null };
    expect(from(source)).toMatchObject({
      status: 'success',
      stamp: { kind: 'ran', finished: null, startMs: 9_000, endMs: 9_000 },
      keeps: 'nothing',
      servers: noServers,
    });
  });

  it.each([
    ['remote', 'remote-cache'],
    ['local', 'local-cache'],
    [null, 'remote-cache'],
  ] as const)(
    'that an agent had in a cache, and this job gets from %j, has the status %s',
    (cache, status) => {
      expect(of(finished({ fromCache: 'local-cache' }), { from: cache }).status).toBe(status);
    },
  );

  it('is a plain success wherever this job gets it from, if the agent ran it', () => {
    expect(of(finished(), { from: 'remote' }).status).toBe('success');
  });

  it('keeps an entry of the cache if its outputs came as an archive, and only its output if they were left', () => {
    const archive = finished({ artifact: { kind: 'attempt', attempt: 3 } });
    expect(of(archive).keeps).toBe('entry');
    expect(of(archive, { isLeft: true }).keeps).toBe('output');
    expect(of(finished(), { isLeft: true }).keeps).toBe('output');
  });
});

describe('a failure of an agent', () => {
  it.each([
    [finished({ status: 'failure', code: 7 }), 7],
    // A task without an exit code has failed all the same.
    [finished({ status: 'failure', code: 0 }), 1],
    [null, 1],
  ])('has its exit code, never 0 (%#)', (result, code) => {
    const source: Source = { kind: 'failure', entry: entry({ status: 'failure' }), finished: result };
    expect(from(source)).toEqual({
      ...said,
      ending: 'failure',
      status: 'failure',
      code,
      attempt: 3,
      stamp: {
        kind: 'ran',
        finished: result,
        startMs: result === null ? 9_000 : 2_000,
        endMs: result === null ? 9_000 : 3_000,
      },
      keeps: 'output',
      servers: ofAgent,
    });
  });
});

it('counts a task whose server failed as failed, although Nx shows it as skipped', () => {
  expect(neverRun(task.id, entry(), finished({ servers }))).toEqual({
    taskId: task.id,
    ending: 'failure',
    status: 'skipped',
    code: 1,
    terminalOutput: '',
    note: '',
    attempt: null,
    stamp: null,
    keeps: 'nothing',
    servers: { agentName: 'agent-1', reports: servers },
  });
});

it('keeps nothing of a task that was stopped', () => {
  expect(stopped(task.id, TIMES)).toEqual({
    taskId: task.id,
    ending: 'cancelled',
    status: 'stopped',
    code: 1,
    terminalOutput: '',
    note: '',
    attempt: null,
    stamp: { kind: 'ran', finished: null, startMs: 9_000, endMs: 9_000 },
    keeps: 'nothing',
    servers: noServers,
  });
});

it('explains a task that must not start, and leaves the servers of this job alone', () => {
  const error = new DteError('DTE_ARTIFACT_MISSING', 'gone');
  expect(lacking(task.id, error, TIMES)).toEqual({
    taskId: task.id,
    ending: 'failure',
    status: 'failure',
    code: 1,
    terminalOutput: `${error.explain()}\n`,
    note: '',
    attempt: null,
    stamp: { kind: 'refused', startMs: 9_000, endMs: 9_000 },
    keeps: 'output',
    servers: null,
  });
});
