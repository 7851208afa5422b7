import type { FetchResult, TaskCache } from '@org/dte-nx-compat';
import { DteError, LIMITS, readLimits } from '@org/dte-protocol';
import { ArtifactRestorer } from './restore';
import { task } from '../test-support/tasks';

function setUp(answers: FetchResult[], shared = true) {
  const fetched: string[] = [];
  const removed: string[] = [];
  const getAttempt = jest.fn<Promise<never>, unknown[]>(() =>
    Promise.reject(new DteError('DTE_UNKNOWN_HASH', 'not there')),
  );
  const distrust = jest.fn();
  const cache: TaskCache = {
    remoteKind: 'ours',
    lookupLocal: () => Promise.resolve(new Map()),
    fetch: ({ hash }) => {
      fetched.push(String(hash));
      return Promise.resolve(answers.shift() ?? { kind: 'miss' });
    },
    uploadFromLocal: () => Promise.resolve({ kind: 'none' }),
    store: jest.fn(),
    limit: jest.fn(),
    useOf: () => ({ local: shared, shared, published: true }),
    recordTaskDetails: jest.fn(),
    replays: (code) => code === 0,
    keepTerminalOutput: () => Promise.resolve(),
    distrust,
    disconnect: jest.fn(),
    keepHere: jest.fn(),
  };
  const restorer = new ArtifactRestorer({
    cache,
    http: {
      getAttempt,
      getAttemptBeginning: getAttempt,
      getCached: getAttempt,
      getTerminal: () => Promise.resolve('printed'),
    },
    runId: 'r',
    workspaceRoot: '/w',
    limits: readLimits({}).limits,
    outputs: {
      list: () => Promise.resolve({ entries: [], through: [], roots: [] }),
      remove: (outputs) => void removed.push(...outputs),
      covers: () => () => true,
    },
  });
  return { restorer, fetched, getAttempt, removed, distrust };
}
const hit = { kind: 'remote', entry: { code: 0, terminalOutput: 'out', outputsPath: '/x' } } as const;

describe('ArtifactRestorer', () => {
  it('downloads by the hash of the agent and returns the terminal output', async () => {
    const { restorer, fetched } = setUp([hit]);
    expect(await restorer.restore(task('a:b'), { kind: 'cache', hash: '42' })).toEqual({
      terminalOutput: 'out',
      from: 'remote',
    });
    expect(fetched).toEqual(['42']);
  });

  it('retries once, because a network error may be temporary', async () => {
    const { restorer, fetched } = setUp([{ kind: 'error', message: 'reset' }, hit]);
    expect(await restorer.restore(task('a:b'), { kind: 'cache', hash: '42' })).toEqual({
      terminalOutput: 'out',
      from: 'remote',
    });
    expect(fetched).toHaveLength(2);
  });

  it('reports missing outputs', async () => {
    const { restorer } = setUp([]);
    await expect(restorer.restore(task('a:b'), { kind: 'cache', hash: '42' })).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_MISSING',
    });
  });

  it('uses a cached failure only for a failure', async () => {
    const failure: FetchResult = { kind: 'remote', entry: { ...hit.entry, code: 3 } };
    const { restorer } = setUp([failure, failure, failure]);
    const artifact = { kind: 'cache', hash: '42' } as const;
    await expect(restorer.restore(task('a:b'), artifact)).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_MISSING',
      message: expect.stringContaining('exit code 3') as string,
    });
    expect(await restorer.restore(task('a:b'), artifact, 'failure')).toMatchObject({ terminalOutput: 'out' });
  });

  const summary = (digit: string) => ({ digest: digit.repeat(64), entries: 1, bytes: 3 });

  it('accepts outputs that arrive unchanged', async () => {
    const { restorer, fetched, distrust } = setUp([{ ...hit, outputs: summary('a') }]);
    const artifact = { kind: 'cache', hash: '42', outputs: summary('a') } as const;
    expect(await restorer.restore(task('a:b'), artifact)).toMatchObject({ from: 'remote' });
    expect([fetched, distrust.mock.calls]).toEqual([['42'], []]);
  });

  it('downloads the stored archive itself when something else arrived, and then trusts no cache for this hash', async () => {
    const { restorer, fetched, getAttempt, distrust } = setUp([{ ...hit, outputs: summary('b') }]);
    getAttempt.mockRejectedValue(new DteError('DTE_OUTPUTS_DIFFER', 'not the same'));
    const artifact = { kind: 'cache', hash: '42', outputs: summary('a') } as const;
    await expect(restorer.restore(task('a:b'), artifact)).rejects.toMatchObject({
      code: 'DTE_OUTPUTS_DIFFER',
    });
    expect([fetched, getAttempt.mock.calls, distrust.mock.calls]).toEqual([
      ['42'],
      [['42', { ownOnly: false }]],
      [['42']],
    ]);
  });

  it('asks only for what this pipeline has made, if a task must be made in it', async () => {
    const { restorer, getAttempt } = setUp([{ ...hit, outputs: summary('b') }], false);
    const artifact = { kind: 'cache', hash: '42', outputs: summary('a') } as const;
    await expect(restorer.restore(task('a:b'), artifact)).rejects.toMatchObject({ code: 'DTE_UNKNOWN_HASH' });
    await expect(restorer.leave(task('a:b'), artifact, () => true)).rejects.toMatchObject({
      code: 'DTE_UNKNOWN_HASH',
    });
    await expect(restorer.printed(task('a:b'), artifact)).rejects.toMatchObject({ code: 'DTE_UNKNOWN_HASH' });
    expect(getAttempt.mock.calls).toEqual(Array.from({ length: 3 }, () => ['42', { ownOnly: true }]));
  });

  it('does not ask a coordinator again that was away for as long as one is waited for', async () => {
    const { restorer, getAttempt } = setUp([]);
    const now = jest.spyOn(Date, 'now');
    now.mockReturnValueOnce(0).mockReturnValue(LIMITS.coordinatorGraceMs.value);
    getAttempt.mockRejectedValue(new DteError('DTE_NO_COORDINATOR', 'away'));
    try {
      await expect(restorer.restore(task('a:b'), { kind: 'attempt', attempt: 1 })).rejects.toMatchObject({
        code: 'DTE_NO_COORDINATOR',
      });
      expect(getAttempt).toHaveBeenCalledTimes(1);
    } finally {
      now.mockRestore();
    }
  });

  it('does nothing for a task without outputs', async () => {
    const { restorer, fetched, getAttempt } = setUp([]);
    expect(await restorer.restore(task('a:b'), { kind: 'none' })).toEqual({ terminalOutput: '', from: null });
    expect([fetched.length, getAttempt.mock.calls.length]).toEqual([0, 0]);
  });

  it('leaves outputs but returns the terminal output, without a download and without files of an earlier run', async () => {
    const { restorer, fetched, getAttempt, removed } = setUp([]);
    const left = await restorer.leave(
      task('a:b', { outputs: ['dist'] }),
      { kind: 'cache', hash: '42' },
      null,
    );
    expect(left).toEqual({ terminalOutput: 'printed', bytes: null });
    expect([fetched, getAttempt.mock.calls, removed]).toEqual([[], [], ['dist']]);
  });

  it('reads the terminal output of an attempt again when it arrives damaged, and touches no outputs without it', async () => {
    const { restorer, getAttempt, removed } = setUp([]);
    getAttempt.mockRejectedValue(new DteError('DTE_ARTIFACT_DAMAGED', 'another sha256'));
    const artifact = { kind: 'attempt', attempt: 2 } as const;
    await expect(restorer.leave(task('a:b', { outputs: ['dist'] }), artifact, null)).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
    expect([getAttempt.mock.calls.length, removed]).toEqual([LIMITS.artifactReads.value, []]);
  });

  it('downloads the archive of an attempt', async () => {
    const { restorer, getAttempt } = setUp([]);
    await expect(restorer.restore(task('a:b'), { kind: 'attempt', attempt: 2 })).rejects.toMatchObject({
      code: 'DTE_UNKNOWN_HASH',
    });
    expect(getAttempt).toHaveBeenCalledWith('r', 'a:b', 2);
  });
});
