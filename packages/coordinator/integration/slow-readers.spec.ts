import { HTTP, LIMITS, type RunLogEntry } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, type RawClient, waitFor } from '@org/dte-testing';
import { WebSocket } from 'ws';
import { agentSync, completed, Harness, success } from './support/harness';

jest.setTimeout(120_000);

const CHUNK = 'x'.repeat(60_000);
/** Far more than what the kernel buffers of both sides take. */
const POURED = 40_000_000;

/** Watches what waits in the sockets of the coordinator, which runs in this process. */
function watchBuffers(): { most: () => number; restore: () => void } {
  let most = 0;
  const send = WebSocket.prototype.send;
  const spy = jest.spyOn(WebSocket.prototype, 'send').mockImplementation(function (this: WebSocket, ...args) {
    (send as (...all: unknown[]) => void).apply(this, args);
    const isServer = (this as unknown as { _isServer: boolean })._isServer;
    if (isServer) most = Math.max(most, this.bufferedAmount);
  });
  return { most: () => most, restore: () => spy.mockRestore() };
}

const entriesOf = (main: RawClient, runId: string): RunLogEntry[] =>
  main
    .all('run.update')
    .filter((update) => update.runId === runId)
    .flatMap(({ entries }) => entries);

describe('a client that reads more slowly than the others write', () => {
  let harness: Harness;
  let buffers: ReturnType<typeof watchBuffers>;
  beforeEach(() => (buffers = watchBuffers()));
  afterEach(async () => {
    buffers.restore();
    await harness.cleanUp();
  });

  const tasks = ['a', 'b', 'c'].map((name) => taskSpec(`${name}:build`, [], { parallelism: false }));

  /** Three agents with a task each, of one run that `main` follows. */
  async function atWork(main: RawClient): Promise<{ agent: RawClient; taskId: string }[]> {
    const agents: RawClient[] = [];
    for (const name of ['agent 1', 'agent 2', 'agent 3']) {
      const agent = await harness.agent(name);
      agent.send(agentSync(1));
      agents.push(agent);
    }
    await harness.submit(main, runSpec('r1', tasks, { streamOutput: true }));
    return Promise.all(
      agents.map(async (agent) => {
        const { assignments } = await agent.next('agent.wanted', (wanted) => wanted.assignments.length === 1);
        return { agent, taskId: assignments[0]!.taskId };
      }),
    );
  }

  /** In turns, so that the coordinator reads meanwhile; each agent waits until what it said is heard. */
  async function pour(at: { agent: RawClient; taskId: string }): Promise<void> {
    for (let offset = 0; offset < POURED / 3; offset += CHUNK.length) {
      const { agent, taskId } = at;
      agent.send({ type: 'agent.output', runId: 'r1', taskId, attempt: 1, offset, data: CHUNK });
      if ((offset / CHUNK.length) % 20 === 19) await pong(agent);
    }
    await pong(at.agent);
  }

  const pong = (client: RawClient): Promise<unknown> => {
    const heard = new Promise((resolve) => client.socket.once('pong', resolve));
    client.socket.ping();
    return heard;
  };

  async function finish({ agent, taskId }: { agent: RawClient; taskId: string }): Promise<void> {
    const hash = `hash-${taskId.replace(':', '-')}`;
    expect(await harness.putCache(agent, hash, 'outputs')).toBe(200);
    agent.send(agentSync(2, [completed('r1', taskId, success(hash))]));
    await agent.next('agent.wanted', ({ seq }) => seq === 2);
  }

  const expectWhole = (main: RawClient, runId: string): void => {
    const entries = entriesOf(main, runId);
    const bySeq = new Map(entries.map((entry) => [entry.seq, entry]));
    expect([...bySeq.keys()].sort((left, right) => left - right)).toEqual(
      Array.from({ length: bySeq.size }, (_, index) => index + 1),
    );
    const ended = [...bySeq.values()].filter(({ type }) => type === 'ended');
    expect(ended).toHaveLength(3);
    expect(ended.map((entry) => entry.type === 'ended' && entry.status)).toEqual([
      'success',
      'success',
      'success',
    ]);
  };

  it('gets gaps in live output, not a coordinator that keeps it: agents and results do not wait for it', async () => {
    const outputBufferBytes = 500_000;
    harness = await Harness.start({ limits: { outputBufferBytes } });
    const main = await harness.main();
    const working = await atWork(main);
    const other = await harness.main({ sessionId: 's2' });
    main.socket.pause();
    await Promise.all(working.map(pour));
    for (const each of working) await finish(each);
    await pong(other);
    // At the limit and no further; the state of the run goes on top.
    expect(buffers.most()).toBeGreaterThan(outputBufferBytes / 2);
    expect(buffers.most()).toBeLessThan(outputBufferBytes + 200_000);
    expect(main.closed).toBeNull();

    main.socket.resume();
    await main.next('run.update', ({ state }) => state === 'finished');
    expectWhole(main, 'r1');
    const heard = main.all('run.output').reduce((sum, { data }) => sum + data.length, 0);
    expect(heard).toBeGreaterThan(0);
    expect(heard).toBeLessThan(POURED);
  });

  it('is dropped when more waits than sendBufferBytes, and loses nothing of its run when it is back', async () => {
    const sendBufferBytes = 500_000;
    // Live output is held back long before; here it stands for all that a coordinator may have to say.
    harness = await Harness.start({ limits: { sendBufferBytes, outputBufferBytes: 2 * POURED } });
    const main = await harness.main();
    const working = await atWork(main);
    await main.next('run.update', ({ entries }) => entries.length > 0).catch(() => undefined);
    const known = Math.max(0, ...entriesOf(main, 'r1').map(({ seq }) => seq));
    main.socket.pause();
    await Promise.all(working.map(pour));
    await waitFor('the main job to be dropped', () => harness.coordinator.sessions()[0]?.mains === 0);
    expect(buffers.most()).toBeGreaterThan(sendBufferBytes / 2);
    expect(buffers.most()).toBeLessThan(sendBufferBytes + 2 * CHUNK.length);
    for (const each of working) await finish(each);

    const again = await harness.main();
    again.send({ type: 'main.sync', runId: 'r1', ackSeq: known, want: 'follow' });
    await again.next('run.update', ({ state }) => state === 'finished');
    again.received.push(...main.all('run.update'));
    expectWhole(again, 'r1');
  });

  it('as an agent is dropped as well, keeps its attempt, and is told again what is wanted', async () => {
    harness = await Harness.start({ limits: { sendBufferBytes: 100_000 } });
    const main = await harness.main();
    const deaf = await harness.agent('agent 1');
    // Assignments that are long to name: each answer states all of them.
    const long = 'n'.repeat(900);
    const names = Array.from({ length: 60 }, (_, nth) => `${long}${nth}:build`);
    deaf.send({ ...agentSync(1), slots: LIMITS.slotsPerAgent.value });
    const taskOf = (id: string, nth: number) => taskSpec(id, [], { hash: `h${nth}` });
    await harness.submit(main, runSpec('r1', names.map(taskOf), { parallel: 100 }));
    await deaf.next('agent.wanted', ({ assignments }) => assignments.length === names.length);
    deaf.socket.pause();
    // It says that it does nothing, so it is told again each time.
    for (let seq = 2; harness.coordinator.sessions()[0]?.agents === 1 && seq < 2_000; seq++) {
      deaf.send({ ...agentSync(seq), slots: LIMITS.slotsPerAgent.value });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor('the agent to be dropped', () => harness.coordinator.sessions()[0]?.agents === 0);
    expect(buffers.most()).toBeLessThan(100_000 + 200_000);

    const again = await harness.agent('agent 1');
    again.send({ ...agentSync(1), slots: LIMITS.slotsPerAgent.value });
    const { assignments } = await again.next('agent.wanted', (wanted) => wanted.assignments.length > 0);
    expect(assignments).toHaveLength(names.length);
    expect(assignments.every(({ attempt }) => attempt === 1)).toBe(true);
    const status = await httpCall(harness.url, { path: HTTP.sessionStatus, token: main.token });
    expect(status.status).toBe(200);
  });
});
