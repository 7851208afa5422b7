import { type AttemptResult, type Hello, HTTP, type RunAccepted, type RunSpec } from '@org/dte-protocol';
import { httpCall, type RawClient, runSpec, taskSpec } from '@org/dte-testing';
import { agentSync, completed, Harness } from './support/harness';

const NAMES = ['a', 'b', 'c'] as const;
/** The last one in the list takes longest. */
const RUN_MS = { a: 1_000, b: 2_000, c: 9_000 } as const;

const took = (name: keyof typeof RUN_MS, fromCache: 'local-cache' | null = null): AttemptResult => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache,
  hash: `hash-${name}`,
  artifact: { kind: 'cache', hash: `hash-${name}` },
  startMs: 1,
  endMs: 2,
  reason: null,
  hashDetails: null,
  measured: {
    queuedMs: 0,
    restoreMs: 0,
    runMs: RUN_MS[name],
    storeMs: 0,
    cpuMs: 10,
    peakMemoryBytes: 20,
    restoredBytes: 0,
    storedBytes: 30,
  },
});

const runOf = (runId: string): RunSpec =>
  runSpec(
    runId,
    NAMES.map((name) => taskSpec(`${name}:build`, [], { hash: `hash-${name}` })),
    { parallel: 1 },
  );

describe('the durations of a project', () => {
  let harness: Harness;
  beforeEach(async () => {
    harness = await Harness.start();
  });
  afterEach(() => harness.cleanUp());

  async function join(
    sessionId: string,
    how: Partial<Hello> = {},
  ): Promise<{ main: RawClient; agent: RawClient }> {
    const main = await harness.main({ sessionId, clientId: `main-${sessionId}` });
    return {
      main,
      agent: await harness.agent(`agent ${sessionId}`, { sessionId, labels: ['linux'], ...how }),
    };
  }

  async function submit(main: RawClient, run: RunSpec): Promise<RunAccepted> {
    const { text } = await httpCall(harness.url, {
      method: 'POST',
      path: HTTP.runs,
      token: main.token,
      body: JSON.stringify(run),
    });
    main.send({ type: 'main.sync', runId: run.runId, ackSeq: 0, want: 'follow' });
    return JSON.parse(text) as RunAccepted;
  }

  /** The agent does what it is told, one task at a time. Returns the tasks in the order in which it got them. */
  async function work(
    { main, agent }: { main: RawClient; agent: RawClient },
    runId: string,
    resultOf: typeof took,
  ): Promise<string[]> {
    const order: string[] = [];
    agent.send(agentSync(1));
    for (let seq = 2; order.length < NAMES.length; seq++) {
      const { assignments } = await agent.next('agent.wanted', ({ assignments: wanted }) =>
        wanted.some((each) => each.runId === runId && !order.includes(each.taskId)),
      );
      const next = assignments.find(({ taskId }) => !order.includes(taskId));
      const name = NAMES.find((each) => next?.taskId === `${each}:build`) ?? 'a';
      const path = HTTP.cache(`hash-${name}`);
      await httpCall(harness.url, { method: 'PUT', token: agent.token, body: 'archive', path });
      agent.send(agentSync(seq, [completed(runId, `${name}:build`, resultOf(name))]));
      order.push(`${name}:build`);
    }
    await main.next('run.update', ({ state }) => state === 'finished');
    return order;
  }

  async function learn(resultOf: typeof took = took): Promise<string[]> {
    const members = await join('42-1');
    expect(await submit(members.main, runOf('r1'))).toEqual({ runId: 'r1' });
    return work(members, 'r1', resultOf);
  }

  it('decide what starts first in the next pipeline, and are told to its main job', async () => {
    expect(await learn()).toEqual(['a:build', 'b:build', 'c:build']);
    const members = await join('42-2');
    const accepted = { runId: 'r1', expectedMs: [1_000, 2_000, 9_000] };
    expect(await submit(members.main, runOf('r1'))).toEqual(accepted);
    expect(await submit(members.main, runOf('r1'))).toEqual(accepted);
    expect(await work(members, 'r1', took)).toEqual(['c:build', 'b:build', 'a:build']);
  });

  it('come with what tasks take of a machine: an agent that packs runs as many as fit', async () => {
    const GB = 1024 ** 3;
    const slots = { slots: 2, capacity: { cpus: 8, memoryBytes: 12 * GB } };
    const taskIds = async (agent: RawClient, count: number): Promise<string[]> => {
      const { assignments } = await agent.next(
        'agent.wanted',
        (wanted) => wanted.assignments.length === count,
      );
      return assignments.map(({ taskId }) => taskId);
    };
    const first = await join('42-1', slots);
    await submit(first.main, runSpec('r0', runOf('r0').tasks, { parallel: 2 }));
    // Nothing is known: 1 GB each.
    expect(await taskIds(first.agent, 2)).toEqual(['a:build', 'b:build']);
    const large = (name: keyof typeof RUN_MS): AttemptResult => {
      const result = took(name);
      if (result.kind !== 'finished' || result.measured === undefined) throw new Error('Not measured.');
      return { ...result, measured: { ...result.measured, peakMemoryBytes: (name === 'a' ? 0.1 : 5) * GB } };
    };
    await work(first, 'r0', large);
    const second = await join('42-2', slots);
    await submit(second.main, runSpec('r1', runOf('r1').tasks, { parallel: 2 }));
    // The longest task comes first, and b does not fit beside it: 1.5 times 5 GB, twice.
    expect(await taskIds(second.agent, 2)).toEqual(['c:build', 'a:build']);
  });

  it('are those of tasks that ran: a hit of a cache says nothing', async () => {
    await learn((name) => took(name, 'local-cache'));
    const { main } = await join('42-2');
    expect(await submit(main, runOf('r1'))).toEqual({ runId: 'r1' });
  });

  it('give way to the option weights, and to what Nx remembers of the task itself only if they know less', async () => {
    await learn();
    const { main } = await join('42-2');
    const tasks = [
      taskSpec('a:build', [], { weight: 5, weightFrom: 'option' }),
      taskSpec('b:build', [], { weight: 6, weightFrom: 'nx' }),
      taskSpec('new:build', [], { weight: 7, weightFrom: 'nx' }),
      taskSpec('newer:build'),
      taskSpec('c:lint'),
    ];
    const { expectedMs } = await submit(main, runSpec('r1', tasks));
    expect(expectedMs).toEqual([5, 2_000, 7, 2_000, null]);
  });

  it('apply to a run as they were at submission, also after a restart', async () => {
    await learn();
    const before = await join('42-2');
    const accepted = await submit(before.main, runOf('r1'));
    await harness.coordinator.close();
    await harness.startCoordinator({ historyDir: `${harness.dataDir}/other-history` });
    const again = await join('42-2');
    expect(await submit(again.main, runOf('r1'))).toEqual(accepted);
    expect(await work(again, 'r1', took)).toEqual(['c:build', 'b:build', 'a:build']);
    // What a replayed run teaches is learnt as well.
    const { main } = await join('42-3');
    expect(await submit(main, runOf('r1'))).toEqual(accepted);
  });

  it('do not affect a run if they cannot be read', async () => {
    await harness.coordinator.close();
    // A file in place of their folder.
    await harness.startCoordinator({ historyDir: `${harness.dataDir}/token-key/history` });
    expect(await learn()).toEqual(['a:build', 'b:build', 'c:build']);
  });
});
