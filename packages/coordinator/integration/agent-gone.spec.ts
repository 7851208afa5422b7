import { CLOSE_CODES } from '@org/dte-protocol';
import { type RawClient, runSpec, taskSpec, waitFor } from '@org/dte-testing';
import { completed, agentSync, containing, Harness, success } from './support/harness';

/** No test waits for it: what is expected happens long before. */
const LEASE_MS = 600_000;

describe('an agent whose connection ends while it has a task', () => {
  let harness: Harness;
  let main: RawClient;
  let agent: RawClient;

  /** One agent has the only task, a second one waits. */
  async function begin(agentReturnMs: number): Promise<RawClient> {
    harness = await Harness.start({ limits: { leaseMs: LEASE_MS, agentReturnMs } });
    main = await harness.main();
    agent = await harness.agent('agent 1');
    agent.send(agentSync(1));
    await harness.submit(main, runSpec('r1', [taskSpec('app:build')]));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    const other = await harness.agent('agent 2');
    other.send(agentSync(1));
    return other;
  }

  const lost = async (): Promise<unknown> => {
    const { entries } = await main.next('run.update', (update) =>
      update.entries.some(({ type }) => type === 'retried'),
    );
    return entries.find(({ type }) => type === 'retried');
  };
  const secondAttempt = (other: RawClient) =>
    other.next('agent.wanted', ({ assignments }) => assignments[0]?.attempt === 2);

  afterEach(() => harness.cleanUp());

  it('loses it when it does not come back in time, long before its lease is over; its late result changes nothing', async () => {
    const other = await begin(50);
    await agent.kill();
    await secondAttempt(other);
    expect(await lost()).toMatchObject({
      attempt: 1,
      agent: { name: 'agent 1' },
      reason: { code: 'DTE_AGENT_LOST', message: containing('did not reconnect within ') },
    });

    const again = await harness.agent('agent 1');
    again.send(agentSync(1, [completed('r1', 'app:build', success('not-accepted'))]));
    expect(await again.next('agent.wanted', ({ seq }) => seq === 1)).toMatchObject({ assignments: [] });
    await harness.putCache(other, 'hash-app-build', 'outputs');
    other.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'), 2)]));
    const { entries } = await main.next('run.update', ({ state }) => state === 'finished');
    expect(entries.filter(({ type }) => type === 'ended')).toMatchObject([
      { attempt: 2, result: { hash: 'hash-app-build' } },
    ]);
  });

  it('keeps it when it comes back in time', async () => {
    const other = await begin(LEASE_MS);
    await agent.kill();
    await main.next('session.info', ({ agents }) => agents.some(({ connected }) => !connected));
    const again = await harness.agent('agent 1');
    await harness.putCache(again, 'hash-app-build', 'outputs');
    again.send(agentSync(1, [completed('r1', 'app:build', success('hash-app-build'))]));
    const { entries } = await main.next('run.update', ({ state }) => state === 'finished');
    expect(entries.filter(({ type }) => type === 'ended')).toMatchObject([{ attempt: 1 }]);
    expect(other.all('agent.wanted').filter(({ assignments }) => assignments.length > 0)).toEqual([]);
  });

  it('loses it at once when it has said that it does not come back', async () => {
    const other = await begin(LEASE_MS);
    agent.socket.close(CLOSE_CODES.done);
    await secondAttempt(other);
    expect(await lost()).toMatchObject({ attempt: 1, reason: { code: 'DTE_AGENT_LEFT' } });
  });

  it('is waited for when it has closed the connection to open another one', async () => {
    await begin(LEASE_MS);
    agent.socket.close(CLOSE_CODES.again);
    await main.next('session.info', ({ agents }) => agents.some(({ connected }) => !connected));
    await waitFor('the end of the connection', () => agent.closed !== null);
    expect(
      main
        .all('run.update')
        .flatMap(({ entries }) => entries)
        .filter(({ type }) => type === 'retried'),
    ).toEqual([]);
  });
});
