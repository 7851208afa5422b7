import { type AttemptResult, HTTP, type RunSpec, type SessionStatus } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, type RawClient } from '@org/dte-testing';
import { agentSync, completed, Harness, success } from './support/harness';

const HASH = 'hash-app-e2e';

const failure = (attempt: number): AttemptResult => ({
  kind: 'finished',
  status: 'failure',
  code: 1,
  fromCache: null,
  hash: HASH,
  artifact: { kind: 'attempt', attempt },
  startMs: 1,
  endMs: 2,
  reason: null,
  hashDetails: null,
});

const runOf = (runId: string): RunSpec =>
  runSpec(runId, [taskSpec('app:e2e', [], { hash: HASH, flakiness: 'retry' })]);

describe('the history of a project', () => {
  let harness: Harness;

  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.cleanUp());

  async function pipeline(sessionId: string): Promise<{ main: RawClient; agent: RawClient }> {
    const clientId = `main-${sessionId}`;
    const main = await harness.main({ sessionId, clientId });
    return { main, agent: await harness.agent(`agent ${sessionId}`, { sessionId }) };
  }

  /** Makes the agent report this for its attempt after it was assigned. */
  async function answer(agent: RawClient, runId: string, attempt: number, result: AttemptResult) {
    const assigned = await agent.next('agent.wanted', ({ assignments }) =>
      assignments.some((each) => each.runId === runId && each.attempt === attempt),
    );
    await httpCall(harness.url, {
      method: 'PUT',
      token: agent.token,
      body: 'archive',
      path:
        result.kind === 'finished' && result.status === 'success'
          ? HTTP.cache(HASH)
          : HTTP.attempt(runId, 'app:e2e', attempt),
    });
    agent.send(agentSync(attempt + 1, [completed(runId, 'app:e2e', result, attempt)]));
    return assigned;
  }

  async function flakyTasks(client: RawClient): Promise<string[] | undefined> {
    const { text } = await httpCall(harness.url, { path: HTTP.sessionStatus, token: client.token });
    return (JSON.parse(text) as SessionStatus).flaky?.map(({ taskId }) => taskId);
  }

  /** One pipeline in which the task fails, then one in which it succeeds. */
  async function becomeFlaky(): Promise<void> {
    for (const [sessionId, result] of [
      ['42-1', failure(1)],
      ['42-2', success(HASH)],
    ] as const) {
      const { main, agent } = await pipeline(sessionId);
      agent.send(agentSync(1));
      await harness.submit(main, runOf('r1'));
      await answer(agent, 'r1', 1, result);
      const { entries } = await main.next('run.update', ({ state }) => state === 'finished');
      expect(entries.at(-1)).toMatchObject({ type: 'ended', attempt: 1 });
    }
  }

  it('retries a task that failed in one pipeline and succeeded with the same hash in another', async () => {
    await becomeFlaky();
    const { main, agent } = await pipeline('42-3');
    expect(await flakyTasks(main)).toEqual(['app:e2e']);
    agent.send(agentSync(1));
    await harness.submit(main, runOf('r1'));
    await answer(agent, 'r1', 1, failure(1));
    await main.next('run.update', ({ entries }) => entries.some(({ type }) => type === 'retried'));
    await answer(agent, 'r1', 2, failure(2));
    await main.next('run.update', ({ state }) => state === 'finished');

    const entries = main.all('run.update').flatMap((update) => update.entries);
    expect(entries.filter(({ type }) => type !== 'started')).toMatchObject([
      {
        type: 'retried',
        attempt: 1,
        result: { status: 'failure', artifact: { attempt: 1 } },
        reason: { code: 'DTE_TASK_FAILED', message: expect.stringContaining('known to be flaky') as string },
      },
      { type: 'ended', attempt: 2, status: 'failure' },
    ]);
  });

  it('applies to a run as it was at submission, also after a restart', async () => {
    await becomeFlaky();
    const { main, agent } = await pipeline('42-3');
    agent.send(agentSync(1));
    await harness.submit(main, runOf('r1'));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    await harness.coordinator.close();
    // What was learned since is no longer there.
    await harness.startCoordinator({ historyDir: `${harness.dataDir}/other-history` });

    const again = await pipeline('42-3');
    again.main.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' });
    expect(await flakyTasks(again.main)).toEqual([]);
    await answer(again.agent, 'r1', 1, failure(1));
    await again.main.next('run.update', ({ entries }) => entries.some(({ type }) => type === 'retried'));
  });

  it('covers one project', async () => {
    await becomeFlaky();
    const { main, agent } = await pipeline('43-1');
    expect(await flakyTasks(main)).toEqual([]);
    agent.send(agentSync(1));
    await harness.submit(main, runOf('r1'));
    await answer(agent, 'r1', 1, failure(1));
    await main.next('run.update', ({ state }) => state === 'finished');
  });

  it('does not affect a run if it cannot be read', async () => {
    await harness.coordinator.close();
    // A file in place of its folder.
    await harness.startCoordinator({ historyDir: `${harness.dataDir}/token-key/history` });
    const { main, agent } = await pipeline('44-1');
    agent.send(agentSync(1));
    await harness.submit(main, runOf('r1'));
    await answer(agent, 'r1', 1, failure(1));
    await main.next('run.update', ({ state }) => state === 'finished');
    expect(await flakyTasks(main)).toEqual([]);
  });
});
