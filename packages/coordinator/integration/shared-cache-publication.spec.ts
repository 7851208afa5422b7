import { HTTP } from '@org/dte-protocol';
import { type FakeGitlab, runSpec, startFakeGitlab, taskSpec, TEST_COMMIT } from '@org/dte-testing';
import { agentSync, completed, success } from './support/harness';
import { type RunningPipeline, SharedBench } from './support/shared-cache';

let gitlab: FakeGitlab;
let bench: SharedBench;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
});
afterAll(() => gitlab.close());
beforeEach(async () => {
  bench = await SharedBench.open('standalone', gitlab);
});
afterEach(() => bench.cleanUp());

/** What is accepted before this is stored before it. */
async function whenAllStored(pipeline: RunningPipeline): Promise<void> {
  await pipeline.build('last', 'x');
  await bench.whenStored('main', 'last');
}
const put = async (to: RunningPipeline, token: string, path: string, body: string): Promise<number> =>
  (await to.call(token, path, body, 'PUT')).status;

describe('a result is shared', () => {
  let main: RunningPipeline;
  beforeEach(async () => {
    main = await bench.pipeline('main');
  });

  it('with the bytes that its attempt has stored, its terminal output and its origin', async () => {
    const agent = await main.begin('h');
    expect(await put(main, agent.token, HTTP.terminal('h'), 'terminal output')).toBe(200);
    const before = Date.now();
    await main.end(agent, 'h', 'outputs');
    await whenAllStored(main);
    expect(await bench.contentIn('main', 'h')).toBe('outputs');
    expect(await bench.contentIn('main', 'h', 'terminal')).toBe('terminal output');
    const { origin } = (await bench.entryIn('main', 'h'))!;
    expect(origin).toEqual({
      pipelineId: '1001',
      jobId: '7',
      commit: TEST_COMMIT,
      ref: 'main',
      agent: 'nx-agent 1',
      taskId: 'app:build',
      atMs: origin.atMs,
    });
    expect(origin.atMs).toBeGreaterThanOrEqual(before);
  });

  it('if the task must be built in its own pipeline, but is not kept from others', async () => {
    await main.build('h', 'outputs', { task: { sharing: 'this-pipeline' } });
    await whenAllStored(main);
    expect(await bench.contentIn('main', 'h')).toBe('outputs');
  });

  it('for each task of a batch that ran', async () => {
    const agent = await main.agent();
    const tasks = ['a', 'b', 'c'].map((id) => taskSpec(`${id}:build`, [], { hash: `h-${id}`, batch: 'tsc' }));
    await main.harness.submit(main.main, runSpec('batch', tasks));
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    for (const id of ['a', 'b', 'c']) await put(main, agent.token, HTTP.cache(`h-${id}`), `outputs of ${id}`);
    const members = ['a', 'b', 'c'].map((id) => ({
      taskId: `${id}:build`,
      result: { ...(success(`h-${id}`) as object), ...(id === 'b' ? { fromCache: 'local-cache' } : {}) },
    }));
    const result = { kind: 'batch', members, log: '' } as Parameters<typeof completed>[2];
    agent.send(agentSync(2, [completed('batch', 'a:build', result)]));
    await main.main.next('run.update', ({ state }) => state === 'finished');
    agent.socket.terminate();
    await whenAllStored(main);
    const stored = await Promise.all(['a', 'b', 'c'].map((id) => bench.contentIn('main', `h-${id}`)));
    expect(stored).toEqual(['outputs of a', null, 'outputs of c']);
  });
});

describe('a result is not shared', () => {
  let main: RunningPipeline;
  beforeEach(async () => {
    main = await bench.pipeline('main');
  });
  const expectNothing = async (hash = 'h'): Promise<void> => {
    await whenAllStored(main);
    expect(await bench.contentIn('main', hash)).toBeNull();
  };

  it('if the main job had uploaded bytes under its hash, from whatever cache', async () => {
    expect(await put(main, main.main.token, HTTP.cache('h'), 'of a poisoned cache')).toBe(200);
    await main.build('h', 'outputs');
    await expectNothing();
  });

  it.each(['local-cache', 'remote-cache'])('if it came from the %s of its agent', async (fromCache) => {
    await main.build('h', 'outputs', { result: { fromCache } });
    await expectNothing();
  });

  it('if the bytes are those of an earlier attempt, which may have had them from a cache', async () => {
    const first = await main.begin('h');
    expect(await put(main, first.token, HTTP.cache('h'), 'of a poisoned cache')).toBe(200);
    // It is lost; the same agent is given the task again.
    first.send(agentSync(2, [completed(main.runId, 'app:build', { kind: 'returned', reason: LEFT })]));
    await first.next('agent.wanted', ({ assignments }) => assignments[0]?.attempt === 2);
    expect(await put(main, first.token, HTTP.cache('h'), 'outputs')).toBe(409);
    first.send(agentSync(3, [completed(main.runId, 'app:build', success('h'), 2)]));
    await main.main.next('run.update', ({ state }) => state === 'finished');
    first.socket.terminate();
    await expectNothing();
  });

  it('if another agent had stored the bytes', async () => {
    const first = await main.begin('h');
    expect(await put(main, first.token, HTTP.cache('h'), 'of the first')).toBe(200);
    const second = await main.agent();
    first.socket.close(1000);
    first.send(agentSync(2, [completed(main.runId, 'app:build', { kind: 'returned', reason: LEFT })]));
    await second.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    second.send(agentSync(2, [completed(main.runId, 'app:build', success('h'), 2)]));
    await main.main.next('run.update', ({ state }) => state === 'finished');
    second.socket.terminate();
    await expectNothing();
  });

  it('if the task failed', async () => {
    await main.build('h', 'outputs', { result: { status: 'failure', code: 1 } });
    await expectNothing();
  });

  it('if its machine computed another hash than the main job', async () => {
    const drift = { agreed: 'other', checkout: null, runtime: {}, env: {} };
    await main.build('h', 'outputs', { result: { drift, reason: null } });
    await expectNothing();
  });

  it('if the task is never to be shared', async () => {
    await main.build('h', 'outputs', { task: { sharing: 'never' } });
    await expectNothing();
  });

  it('if it has no artifact in the cache, but that of its attempt', async () => {
    const agent = await main.begin('h');
    const attempt = HTTP.attempt(main.runId, 'app:build', 1);
    expect(await put(main, agent.token, attempt, 'archive')).toBe(200);
    await main.end(agent, 'h', 'outputs', { result: { artifact: { kind: 'attempt', attempt: 1 } } });
    await expectNothing();
  });

  it('if it is refused, because its attempt is over', async () => {
    const agent = await main.begin('h');
    expect(await put(main, agent.token, HTTP.cache('h'), 'outputs')).toBe(200);
    agent.send(agentSync(2, [completed(main.runId, 'app:build', success('h'), 7)]));
    await main.end(agent, 'h', 'outputs', { result: { fromCache: 'local-cache' } });
    await expectNothing();
  });
});

const LEFT = { code: 'DTE_AGENT_LEFT', message: 'The agent left.' } as const;
