import { promises, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, type RawClient, waitFor } from '@org/dte-testing';
import { agentSync, completed, containing, Harness, success } from './support/harness';

/** So small that every batch is followed by a snapshot. */
const EAGER = { journalTailBytes: 1, journalTailFactor: 1 };

describe('a coordinator that compacts its journals', () => {
  let harness: Harness;
  let seq: number;
  afterEach(() => harness.cleanUp());
  beforeEach(() => (seq = 0));

  const folder = (): string => join(harness.dataDir, 'sessions', 's1');
  const journal = (): string => join(folder(), 'journal.jsonl');
  const firstLine = (): { version: number; snapshot?: { format: number; bytes: number } } =>
    JSON.parse(readFileSync(journal()).toString('latin1').split('\n')[0]!) as ReturnType<typeof firstLine>;

  async function submit(main: RawClient, agent: RawClient, runId: string, names: string[]): Promise<void> {
    await harness.submit(
      main,
      runSpec(
        runId,
        names.map((id) => taskSpec(id)),
      ),
    );
    await agent.next('agent.wanted', ({ assignments }) => assignments.some((each) => each.runId === runId));
  }

  async function end(main: RawClient, agent: RawClient, runId: string, taskId: string): Promise<void> {
    const hash = `hash-${taskId.replace(':', '-')}`;
    await harness.putCache(agent, hash, 'outputs');
    agent.send(agentSync(++seq, [completed(runId, taskId, success(hash))]));
    await main.next('run.update', (update) => update.runId === runId && update.state === 'finished');
    main.send({ type: 'main.sync', runId, ackSeq: 2, want: 'close' });
  }

  const begin = async (): Promise<{ main: RawClient; agent: RawClient }> => {
    const main = await harness.main();
    const agent = await harness.agent('agent 1', { clientId: 'agent-1' });
    agent.send(agentSync(++seq));
    return { main, agent };
  };

  it('goes on from a snapshot: attempts, runs that are over, finished sessions and forwarded names', async () => {
    harness = await Harness.start({ limits: EAGER });
    const first = await begin();
    await submit(first.main, first.agent, 'r1', ['lib:build']);
    await end(first.main, first.agent, 'r1', 'lib:build');
    const run = { ...runSpec('r2', [taskSpec('app:build')]), forwardedEnv: ['TOKEN'] };
    await harness.submit(first.main, run);
    await first.agent.next('agent.wanted', ({ assignments }) =>
      assignments.some(({ runId }) => runId === 'r2'),
    );
    await waitFor('a snapshot', () => firstLine().version === 2);
    await harness.coordinator.close();

    seq = 0;
    await harness.startCoordinator();
    const { main, agent } = await begin();
    const env = await httpCall(harness.url, { path: HTTP.runEnv('r2'), token: agent.token });
    expect(env).toMatchObject({ code: 'DTE_FORWARDED_ENV_MISSING' });
    await harness.submit(main, run);
    await end(main, agent, 'r2', 'app:build');
    const ended = main
      .all('run.update')
      .flatMap(({ entries }) => entries.filter(({ type }) => type === 'ended'));
    expect(ended).toMatchObject([{ taskId: 'app:build', status: 'success', attempt: 1 }]);

    await httpCall(harness.url, { method: 'POST', path: HTTP.sessionComplete, token: main.token });
    await waitFor('the end of the session', () => harness.coordinator.sessions()[0]?.finished === true);
    await harness.coordinator.close();
    await harness.startCoordinator();
    await harness.main();
    expect(harness.coordinator.sessions()).toMatchObject([{ sessionId: 's1', finished: true }]);
  });

  it('keeps the journal of many runs, and what a restart reads, within the limit', async () => {
    const journalTailBytes = 16_384;
    harness = await Harness.start({ limits: { journalTailBytes, journalTailFactor: 1 } });
    const { main, agent } = await begin();
    let largest = 0;
    for (let nth = 0; nth < 60; nth++) {
      await submit(main, agent, `r${nth}`, ['lib:build']);
      await end(main, agent, `r${nth}`, 'lib:build');
      const { size } = statSync(journal());
      const snapshotBytes = firstLine().snapshot?.bytes ?? 0;
      // The snapshot, as much again or the limit, and what is written while a compaction waits for its turn.
      expect(size).toBeLessThan(snapshotBytes + Math.max(journalTailBytes, snapshotBytes) + 8_192);
      largest = Math.max(largest, size);
    }
    // Without compaction: 60 runs of about 1.5 kB each.
    expect(largest).toBeLessThan(70_000);
    expect(readdirSync(folder()).filter((name) => name.startsWith('journal'))).toEqual(['journal.jsonl']);
    // Those of the runs since the last snapshot.
    expect(readdirSync(join(folder(), 'runs')).length).toBeLessThan(20);
    await harness.coordinator.close();
    await harness.startCoordinator();
    const again = await harness.main();
    await again.next('session.info');
    const status = await httpCall(harness.url, { path: HTTP.sessionStatus, token: again.token });
    expect((JSON.parse(status.text) as { runs: unknown[] }).runs).toHaveLength(60);
  }, 60_000);

  it('goes on with the journal as it is while the disk is full for a snapshot', async () => {
    let isFull = false;
    const open: typeof promises.open = async (path, ...rest) => {
      const handle = await promises.open(path, ...rest);
      if (!isFull || path !== `${journal()}.next`) return handle;
      handle.writeFile = () =>
        Promise.reject(
          Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
        );
      return handle;
    };
    harness = await Harness.start({ fs: { ...promises, open }, limits: EAGER });
    isFull = true;
    const { main, agent } = await begin();
    await submit(main, agent, 'r1', ['lib:build']);
    await end(main, agent, 'r1', 'lib:build');
    expect(firstLine().version).toBe(1);
    await waitFor('the end of an attempt', () => !readdirSync(folder()).includes('journal.jsonl.next'));
    isFull = false;
    await submit(main, agent, 'r2', ['lib:build']);
    await waitFor('a snapshot', () => firstLine().version === 2);
    await end(main, agent, 'r2', 'lib:build');
  });

  describe('and is started again', () => {
    beforeEach(async () => {
      harness = await Harness.start({ limits: EAGER });
      const { main, agent } = await begin();
      await submit(main, agent, 'r1', ['lib:build']);
      await waitFor('a snapshot', () => firstLine().version === 2);
      await harness.coordinator.close();
    });

    it('removes a snapshot that its predecessor was writing', async () => {
      writeFileSync(`${journal()}.next`, readFileSync(journal()).subarray(0, 200));
      // With limits that let it write none itself.
      await harness.startCoordinator({ limits: {} });
      await (await harness.main()).next('welcome');
      expect(readdirSync(folder())).not.toContain('journal.jsonl.next');
    });

    const damages: [string, () => void][] = [
      [
        'one bit of the snapshot differs',
        () => {
          const bytes = readFileSync(journal());
          const at = bytes.indexOf('\n') + 50;
          bytes[at]! ^= 1;
          writeFileSync(journal(), bytes);
        },
      ],
      [
        'the snapshot is cut off',
        () => writeFileSync(journal(), readFileSync(journal()).subarray(0, firstLine().snapshot!.bytes - 10)),
      ],
      [
        'another version wrote the snapshot',
        () => {
          const bytes = readFileSync(journal()).toString('latin1');
          writeFileSync(journal(), bytes.replace(/"format":\d+/, '"format":9'), 'latin1');
        },
      ],
    ];
    it.each(damages)('names the file when %s, and serves other sessions', async (_, damage) => {
      damage();
      await harness.startCoordinator();
      const { reason } = await (await harness.main()).next('error');
      expect(reason).toMatchObject({ code: 'DTE_JOURNAL_CORRUPT', message: containing(folder()) });
      await (await harness.main({ sessionId: 's2' })).next('welcome');
    });
  });
});
