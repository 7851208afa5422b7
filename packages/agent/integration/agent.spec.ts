import { EventEmitter } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Assignment, type AttemptResult, type LimitValues } from '@org/dte-protocol';
import { createSessionCertificate } from '@org/dte-identity';
import { isRunning, waitFor } from '@org/dte-testing';
import { type AgentOptions, runAgent } from '../src';
import { FakeCoordinator, assignment, runSpec } from '../src/test-support/fake-coordinator';
import { claims, testLimits } from '../src/test-support/hello';
import { tempFolders } from '../src/test-support/temp-folder';

const folder = tempFolders();

/** One agent in this process, with its executors in others. */
class TestAgent {
  output = '';
  exitCode: number | null = null;
  readonly signals = new EventEmitter();
  readonly workspace = folder();
  readonly ended: Promise<number>;

  constructor(url: string | null, change: Partial<AgentOptions> = {}, limits: Partial<LimitValues> = {}) {
    this.ended = runAgent({
      ...{
        workspaceRoot: this.workspace,
        dataDir: join(this.workspace, 'data'),
        sessionId: 'session',
        name: 'agent-x',
      },
      ...{ identity: claims.identity, limits: testLimits(limits), signals: this.signals },
      env: { PATH: process.env['PATH'], DTE_SECRET: 'never for tasks', DTE_ID_TOKEN: 'nor.this.one' },
      rendezvous: {
        kind: 'file',
        report: () => Promise.resolve(),
        find: async () =>
          url === null
            ? null
            : { version: 1, sessionId: 'session', url, generation: 'g', expiresAtMs: Number.MAX_VALUE },
      },
      stdout: { write: (text) => void (this.output += text) },
      executorPath: join(__dirname, 'fake-executor.cjs'),
      ...change,
    }).then((code) => (this.exitCode = code));
  }

  executors(): string[] {
    const path = join(this.workspace, 'executors.log');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  pids(kind: 'start' | 'child'): number[] {
    return this.executors()
      .filter((line) => line.startsWith(kind))
      .map((line) => Number(line.split(' ')[1]));
  }

  waitFor(what: string, condition: () => unknown): Promise<unknown> {
    return waitFor(what, condition, {
      deadlineMs: 20_000,
      lastState: () => `${this.output}\n${this.executors().join('\n')}`,
    });
  }
}

let server: FakeCoordinator;
let agent: TestAgent | null = null;
beforeEach(async () => {
  server = await FakeCoordinator.start();
  server.runs.set('run-1', runSpec(['a:build']));
});
afterEach(async () => {
  if (agent !== null) {
    agent.signals.emit('SIGTERM');
    agent.signals.emit('SIGTERM');
    await agent.ended;
    expect(agent.pids('start').concat(agent.pids('child')).filter(isRunning)).toEqual([]);
    expect(agent.signals.eventNames()).toEqual([]);
    expect(
      existsSync(join(agent.workspace, 'data')) && existsSync(join(agent.workspace, 'data', 'agent')),
    ).toBe(false);
  }
  agent = null;
  await server.close();
});

const start = (change: Partial<AgentOptions> = {}, limits: Partial<LimitValues> = {}): TestAgent =>
  (agent = new TestAgent(server.url, change, limits));
/** The result the agent reported for an attempt, once it did. */
async function resultOf(wanted: Assignment): Promise<AttemptResult> {
  const find = () =>
    server.syncs
      .flatMap(({ work }) => work)
      .find(
        (work) =>
          work.taskId === wanted.taskId && work.attempt === wanted.attempt && work.phase.name === 'completed',
      );
  const work = await waitFor(`the result of ${wanted.taskId}`, find, {
    deadlineMs: 20_000,
    lastState: () => `${agent?.output ?? ''}\n${JSON.stringify(server.lastSync)}`,
  });
  if (work.phase.name !== 'completed') throw new Error('not completed');
  return work.phase.result;
}
const executing = (taskId: string) =>
  server.waitForSync(`${taskId} to execute`, ({ work }) =>
    work.some((each) => each.taskId === taskId && each.phase.name === 'executing'),
  );

it('starts an executor before it finds a coordinator, and leaves when none appears', async () => {
  agent = new TestAgent(null, {}, { agentIdleMs: 700 });
  await agent.waitFor('an executor', () => agent!.pids('start').length > 0);
  expect(await agent.ended).toBe(0);
  expect(agent.output).toBe('dte: no coordinator was found for 0.7 s, leaving (DTE_AGENT_IDLE_MS)\n');
});

it('leaves at once, with code 0 and one line, when the session it finds is finished', async () => {
  const record = { version: 1, sessionId: 'session', url: 'http://127.0.0.1:9', generation: 'g' } as const;
  const find = () =>
    Promise.resolve({ ...record, expiresAtMs: Number.MAX_VALUE, state: 'finished' as const });
  const rendezvous = { kind: 'file', find, report: () => Promise.resolve() };
  agent = new TestAgent(null, { rendezvous }, { agentIdleMs: 600_000 });
  expect(await agent.ended).toBe(0);
  expect(agent.output).toBe('dte: session session is finished; nothing to do\n');
});

it('runs what is wanted, with a log that reads well, and reports it', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:build')], slots: 1 });
  expect(await resultOf(assignment('a:build'))).toMatchObject({ kind: 'finished', status: 'success' });
  await one.waitFor('the log', () => one.output.includes('✔'));
  expect(one.output.replace(/\d\.\d s/, '0.1 s').replace(/http\S+/, 'URL')).toBe(
    'dte: agent-x is connected to URL\n▶ a:build  attempt 1\nbuilding a:build\nlast words\n✔ a:build  0.1 s\n',
  );
  expect(one.executors()[0]).toMatch(/secret=none idToken=none executor=1$/);
  expect(one.executors()).toContain(`coordinator ${server.url} token-1`);
  expect(server.outputs).toEqual([
    {
      type: 'agent.output',
      runId: 'run-1',
      taskId: 'a:build',
      attempt: 1,
      offset: 0,
      data: 'building a:build\nlast words',
    },
  ]);
});

it('ends an executor that does not end what runs too long, with everything below it, and reports a failure', async () => {
  const one = start({}, { killMs: 1, timeoutSettleMs: 100 });
  server.want({ assignments: [assignment('a:stuck', { hash: '7' })], slots: 1 });
  expect(await resultOf(assignment('a:stuck'))).toMatchObject({
    ...{ kind: 'finished', status: 'failure', code: 1, hash: '7', artifact: { kind: 'none' } },
    reason: {
      code: 'DTE_TASK_TIMEOUT',
      message: expect.stringContaining('on agent-x for longer than 50 ms') as string,
    },
  });
  expect(one.pids('child').filter(isRunning)).toEqual([]);
  expect(one.output).toContain('✖ a:stuck  a:stuck ran on agent-x for longer');
  server.want({ assignments: [assignment('a:build')], slots: 1 });
  expect(await resultOf(assignment('a:build'))).toMatchObject({ status: 'success' });
});

it('reports of each task of a batch that it ended with such an executor that it has failed', async () => {
  start({}, { killMs: 1, timeoutSettleMs: 100 });
  const members = [
    { taskId: 'a:stuck', hash: '7' },
    { taskId: 'b:build', hash: null },
  ];
  server.want({ assignments: [{ ...assignment('a:stuck', { hash: '7' }), members }], slots: 1 });
  const reason = (taskId: string) => ({
    code: 'DTE_TASK_TIMEOUT',
    message: expect.stringContaining(`${taskId} had not ended when its batch of 2`) as string,
  });
  expect(await resultOf(assignment('a:stuck'))).toMatchObject({
    kind: 'batch',
    members: [
      { taskId: 'a:stuck', result: { status: 'failure', hash: '7', reason: reason('a:stuck') } },
      { taskId: 'b:build', result: { status: 'failure', hash: null, reason: reason('b:build') } },
    ],
  });
});

it('leaves a task alone whose command was over in time', async () => {
  const one = start({}, { killMs: 1, timeoutSettleMs: 20 });
  server.want({ assignments: [assignment('a:slow'), assignment('b:stuck')], slots: 2 });
  expect(await resultOf(assignment('b:stuck'))).toMatchObject({ reason: { code: 'DTE_TASK_TIMEOUT' } });
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await resultOf(assignment('a:slow'))).toMatchObject({ status: 'success', reason: null });
});

it('leads executors to a coordinator with a pinned key by a plain port of this machine', async () => {
  const certificate = createSessionCertificate();
  const secure = await FakeCoordinator.start(certificate);
  try {
    secure.runs.set('run-1', runSpec(['a:build']));
    const record = { version: 1, sessionId: 'session', url: secure.url, pin: certificate.pin } as const;
    const find = () => Promise.resolve({ ...record, generation: 'g', expiresAtMs: Number.MAX_VALUE });
    const report = () => Promise.resolve();
    const one = start({ rendezvous: { kind: 'file', find, report }, slots: 1 });
    secure.want({ assignments: [assignment('a:build')] });
    await secure.waitForSync('the result', ({ work }) =>
      work.some(({ phase }) => phase.name === 'completed'),
    );
    const told = one.executors().find((line) => line.startsWith('coordinator'));
    expect(told).toMatch(/^coordinator http:\/\/127\.0\.0\.1:\d+ token-1$/);
    expect(one.output).toContain(`agent-x is connected to ${secure.url}`);
    const answer = await fetch(`${told?.split(' ')[1] ?? ''}/v1/runs/run-1`);
    expect(await answer.json()).toMatchObject({ runId: 'run-1' });
    one.signals.emit('SIGTERM');
    expect(await one.ended).toBe(0);
  } finally {
    await secure.close();
  }
});

it('marks lines with their task when there are several slots, and says why a task failed', async () => {
  const one = start({ slots: 2 });
  server.want({ assignments: [assignment('a:build'), assignment('b:lint', { streamOutput: false })] });
  await resultOf(assignment('a:build'));
  await resultOf(assignment('b:lint'));
  await one.waitFor('the log', () => one.output.includes('✔') && one.output.includes('✖'));
  expect(one.output).toMatch(/▶ a:build {2}attempt 1 {2}\(slot 1\)\n/);
  expect(one.output).toContain('a:build | building a:build\n');
  expect(one.output).toMatch(/✖ b:lint {2}exit code 3 {2}\d\.\d s\n/);
});

it('starts as many executors as slots are wanted, and uses them again', async () => {
  const one = start();
  const wanted = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => assignment(`${name}:build`));
  server.want({ assignments: wanted, slots: 3 });
  for (const each of wanted) await resultOf(each);
  await one.waitFor('three executors', () => one.pids('start').length === 3);
  expect(server.requests.filter((line) => line.includes('/v1/runs/'))).toEqual([
    'GET /v1/runs/run-1/env',
    'GET /v1/runs/run-1',
  ]);
});

it('hands forwarded values to executors, and has them in no file, no log and nothing that is journalled', async () => {
  server.forwarded = { TOKEN: 'tr0ub4dor' };
  const one = start();
  const wanted = assignment('a:reveal', { streamOutput: true });
  server.want({ assignments: [wanted], slots: 1 });
  expect(await resultOf(wanted)).toEqual({
    kind: 'returned',
    reason: { code: 'DTE_NX_FAILED', message: 'Nx says [MASKED]' },
  });
  await one.waitFor('the log', () => one.output.includes('handed back'));
  expect(one.output).toContain('with [MASKED]');
  // What the task prints is the main job's to show as it is.
  expect(server.outputs[0]?.data).toBe('with tr0ub4dor\n');
  const files = readdirSync(one.workspace, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(1);
  const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
  expect([...texts, one.output, JSON.stringify(server.syncs)].join('\n')).not.toContain('tr0ub4dor');
});

it('does nothing twice when a wanted message is doubled, and repeats its state when one was lost', async () => {
  const one = start();
  const wanted = assignment('a:wait');
  server.want({ assignments: [wanted], slots: 1 });
  await executing('a:wait');
  server.want({});
  server.want({});
  server.answers = false;
  writeFileSync(join(one.workspace, 'go-a'), '');
  await resultOf(wanted);
  const seen = server.syncs.length;
  server.drop();
  await server.waitForSync(
    'the result again, on a new connection',
    ({ seq, work }) => server.syncs.length > seen && seq === 1 && work.length === 1,
  );
  server.answers = true;
  server.want({ assignments: [] });
  await server.waitForSync('nothing listed', ({ work }) => work.length === 0);
  const before = server.syncs.length;
  server.want({ assignments: [wanted] });
  await waitFor('the remembered result', () =>
    server.syncs.slice(before).some(({ work }) => work[0]?.phase.name === 'completed'),
  );
  expect(one.executors().filter((line) => line.startsWith('run'))).toHaveLength(1);
});

it('restores a dependency once for all of its tasks', async () => {
  const one = start();
  const closure = [{ taskId: 'lib:build', hash: '9', artifact: { kind: 'cache' as const, hash: '9' } }];
  for (const name of ['a', 'b']) {
    server.want({ assignments: [assignment(`${name}:build`, { closure })], slots: 1 });
    await resultOf(assignment(`${name}:build`));
  }
  expect(one.executors().filter((line) => line.startsWith('run'))).toEqual([
    'run a:build 1 restore=lib:build',
    'run b:build 1 restore=',
  ]);
});

it('hands an attempt back with the last words of its executor when that dies, and goes on with another', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:crash')], slots: 1 });
  expect(await resultOf(assignment('a:crash'))).toMatchObject({
    kind: 'returned',
    reason: {
      code: 'DTE_EXECUTOR_CRASHED',
      message: expect.stringMatching(/exit code 7[^]*heap out of memory/) as string,
    },
  });
  server.want({ assignments: [assignment('b:build')] });
  expect(await resultOf(assignment('b:build'))).toMatchObject({ kind: 'finished' });
  expect(one.pids('start')).toHaveLength(2);
});

it.each([
  ['unable', 'could not build the project graph'],
  ['exit', 'Cannot find module nx'],
])('gives up with exit code 1 when no executor can be started: %s', async (how, why) => {
  const one = start({ env: { PATH: process.env['PATH'], FAKE_START: how } });
  server.want({ assignments: [assignment('a:build')], slots: 1 });
  expect(await resultOf(assignment('a:build'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_EXECUTOR_START' },
  });
  expect(await one.ended).toBe(1);
  expect(one.output).toContain(why);
  expect(one.output).toContain('What to do:');
});

it('ends a task that is no longer wanted and keeps its executor', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  server.want({ assignments: [assignment('b:build')] });
  await resultOf(assignment('b:build'));
  expect(one.pids('start')).toHaveLength(1);
  expect(one.output).toContain('■ a:wait  stopped: no longer wanted');
});

it('ends a task that hangs with its whole process tree, detached children included, and replaces the executor', async () => {
  const one = start({}, { killMs: 100 });
  server.want({ assignments: [assignment('a:hang')], slots: 1 });
  await one.waitFor('the child', () => one.pids('child').length === 1);
  const [executor, child] = [one.pids('start')[0]!, one.pids('child')[0]!];
  expect([executor, child].every(isRunning)).toBe(true);
  server.want({ assignments: [assignment('b:build')] });
  await resultOf(assignment('b:build'));
  expect([executor, child].filter(isRunning)).toEqual([]);
  expect(one.pids('start')).toHaveLength(2);
});

it('leaves with 0 on SIGTERM when what runs has finished and was taken, and takes nothing new', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  one.signals.emit('SIGTERM');
  await server.waitForSync('draining', ({ draining }) => draining);
  server.want({ assignments: [assignment('a:wait'), assignment('b:build')] });
  expect(await resultOf(assignment('b:build'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_AGENT_LEFT' },
  });
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await one.ended).toBe(0);
  expect(await resultOf(assignment('a:wait'))).toMatchObject({ kind: 'finished' });
});

it('hands back what does not finish in time after SIGTERM, and leaves with 0', async () => {
  const one = start({}, { drainMs: 50 });
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  one.signals.emit('SIGTERM');
  expect(await one.ended).toBe(0);
  expect(await resultOf(assignment('a:wait'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_AGENT_LEFT' },
  });
});

it('leaves with 0 on SIGTERM though the coordinator does not answer', async () => {
  const one = start({}, { drainMs: 50, killMs: 50 });
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  await server.close();
  one.signals.emit('SIGTERM');
  expect(await one.ended).toBe(0);
});

it('leaves when it is told to, after what is listed', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  server.want({ stop: { code: 'DTE_SESSION_FINISHED', message: 'all targets have run' } });
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await one.ended).toBe(0);
  expect(one.output).toMatch(/✔ a:wait[^]*dte: done, leaving: all targets have run\n$/);
});

it('leaves with 0 when the session is over, and with 1 and the cure when it is refused', async () => {
  server.refusal = { code: 'DTE_SESSION_FINISHED', message: 'session session has ended' };
  expect(await start().ended).toBe(0);
  expect(agent!.output).toBe('dte: session session has ended\n');
  server.refusal = { code: 'DTE_COMMIT_MISMATCH', message: 'other commit' };
  expect(await start().ended).toBe(1);
  expect(agent!.output).toMatch(
    /^other commit\n {2}What to do: Check out the same commit[^]*DTE_COMMIT_MISMATCH/,
  );
});

it('leaves when it hears of no work for too long', async () => {
  const one = start({}, { agentIdleMs: 600 });
  expect(await one.ended).toBe(0);
  expect(one.output).toContain('dte: nothing to do for 0.6 s, leaving');
});

it('leaves with code 0 when the coordinator that it had stays away for longer than the grace period', async () => {
  const one = start({}, { coordinatorGraceMs: 600, agentIdleMs: 600_000 });
  await one.waitFor('the connection', () => one.output.includes('is connected to'));
  await server.close();
  expect(await one.ended).toBe(0);
  expect(one.output).toMatch(/connection lost.*\ndte: the coordinator stayed away for 0.6 s .*; leaving\n$/);
});

it('keeps a task running while the coordinator is away, and reports it to the next connection', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  const seen = server.syncs.length;
  server.drop();
  await one.waitFor('the loss', () => one.output.includes('connection lost'));
  await server.waitForSync(
    'the task, still executing',
    ({ work }) => server.syncs.length > seen && work[0]?.phase.name === 'executing',
  );
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await resultOf(assignment('a:wait'))).toMatchObject({ kind: 'finished' });
});

it('drops after a long freeze what is no longer wanted', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  server.answers = false;
  server.drop();
  await waitFor('the new connection', () => server.hellos.length === 2);
  await server.waitForSync(
    'what it believes to be its work',
    ({ seq, work }) => seq >= 1 && work.length === 1,
  );
  server.want({ assignments: [] });
  await server.waitForSync('nothing', ({ work }) => work.length === 0);
  expect(one.output).toContain('stopped: no longer wanted');
});

it('says nothing while nothing changes, though every sync is answered', async () => {
  const one = start();
  server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await executing('a:wait');
  const said = server.syncs.length;
  for (let i = 0; i < 20; i++) server.want({});
  writeFileSync(join(one.workspace, 'go-a'), '');
  await resultOf(assignment('a:wait'));
  // The result and that it is forgotten; one more may be about `executing`.
  expect(server.syncs.length - said).toBeLessThanOrEqual(3);
});

it('sends heartbeats', async () => {
  server.heartbeatMs = 20;
  start();
  await server.waitForSync('five syncs', ({ seq }) => seq >= 5);
});

it('leaves gaps with right offsets in live output when the coordinator is slow, and all of it in its own log', async () => {
  const one = start({}, { outputBufferBytes: 300_000 });
  await waitFor('the connection', () => server.hellos.length === 1 && server.syncs.length > 0);
  server.want({ assignments: [assignment('a:flood')], slots: 1 });
  server.freeze();
  await one.waitFor('the end of the task', () => one.output.includes('✔ a:flood'));
  server.thaw();
  await resultOf(assignment('a:flood'));
  await waitFor('some output', () => server.outputs.length > 0);
  expect(server.outputs.length).toBeLessThan(80);
  for (const { offset, data } of server.outputs) {
    expect(offset % (64 * 1024)).toBe(0);
    expect(data).toHaveLength(64 * 1024);
  }
  expect(one.output.split('\n').filter((line) => /^x+$/.test(line))).toHaveLength(80);
});
