import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCoordinatorCertificate } from '@org/dte-identity';
import { isRunning, waitFor, FakeCoordinator, assignment, runOfTasks } from '@org/dte-testing';
import { AgentBench } from './agent-bench';

const bench = new AgentBench();

it('runs what is wanted, prints a readable log, and reports the results', async () => {
  const one = bench.start();
  bench.server.want({ assignments: [assignment('a:build')], slots: 1 });
  expect(await bench.resultOf(assignment('a:build'))).toMatchObject({ kind: 'finished', status: 'success' });
  await one.waitFor('the log', () => one.output.includes('✔'));
  expect(one.output.replace(/\d\.\d s/, '0.1 s').replace(/http\S+/, 'URL')).toBe(
    'dte: agent-x is connected to URL\n▶ a:build  attempt 1\nbuilding a:build\nlast words\n✔ a:build  0.1 s\n',
  );
  expect(one.executors()[0]).toMatch(/secret=none idToken=none executor=1$/);
  expect(one.executors()).toContain(`coordinator ${bench.server.url} token-1`);
  expect(bench.server.outputs).toEqual([
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

it('stops an executor that does not stop a task that timed out, with all its child processes, and reports a failure', async () => {
  const one = bench.start({}, { killMs: 1, timeoutSettleMs: 100 });
  bench.server.want({ assignments: [assignment('a:stuck', { hash: '7' })], slots: 1 });
  expect(await bench.resultOf(assignment('a:stuck'))).toMatchObject({
    kind: 'finished',
    status: 'failure',
    code: 1,
    hash: '7',
    artifact: { kind: 'none' },
    reason: {
      code: 'DTE_TASK_TIMEOUT',
      message: expect.stringContaining('on agent-x for longer than 50 ms') as string,
    },
  });
  expect(one.pids('child').filter(isRunning)).toEqual([]);
  expect(one.output).toContain('✖ a:stuck  a:stuck ran on agent-x for longer');
  bench.server.want({ assignments: [assignment('a:build')], slots: 1 });
  expect(await bench.resultOf(assignment('a:build'))).toMatchObject({ status: 'success' });
});

it('reports a failure for each task of a batch that it stopped with such an executor', async () => {
  bench.start({}, { killMs: 1, timeoutSettleMs: 100 });
  const members = [
    { taskId: 'a:stuck', hash: '7' },
    { taskId: 'b:build', hash: null },
  ];
  bench.server.want({ assignments: [{ ...assignment('a:stuck', { hash: '7' }), members }], slots: 1 });
  const reason = (taskId: string) => ({
    code: 'DTE_TASK_TIMEOUT',
    message: expect.stringContaining(`${taskId} had not finished when its batch of 2`) as string,
  });
  expect(await bench.resultOf(assignment('a:stuck'))).toMatchObject({
    kind: 'batch',
    members: [
      { taskId: 'a:stuck', result: { status: 'failure', hash: '7', reason: reason('a:stuck') } },
      { taskId: 'b:build', result: { status: 'failure', hash: null, reason: reason('b:build') } },
    ],
  });
});

it('does not stop a task whose command ended in time', async () => {
  const one = bench.start({}, { killMs: 1, timeoutSettleMs: 20 });
  bench.server.want({ assignments: [assignment('a:slow'), assignment('b:stuck')], slots: 2 });
  expect(await bench.resultOf(assignment('b:stuck'))).toMatchObject({ reason: { code: 'DTE_TASK_TIMEOUT' } });
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await bench.resultOf(assignment('a:slow'))).toMatchObject({ status: 'success', reason: null });
});

it('returns the attempt of a suspended executor, with its code, and continues with another executor', async () => {
  const one = bench.start({ slots: 1 }, { executorFrozenMs: 300, killMs: 100 });
  bench.server.want({ assignments: [assignment('a:wait')] });
  await bench.executing('a:wait');
  const [first] = one.pids('start');
  process.kill(first!, 'SIGSTOP');
  const message = expect.stringMatching(/^The executor process of a:wait was frozen: /) as string;
  expect(await bench.resultOf(assignment('a:wait'))).toEqual({
    kind: 'returned',
    reason: { code: 'DTE_EXECUTOR_FROZEN', message },
  });
  expect(isRunning(first!)).toBe(false);
  expect(one.output).toMatch(/dte: executor 1 was frozen: .* \(DTE_EXECUTOR_FROZEN\)\n/);
  bench.server.want({ assignments: [assignment('b:build')] });
  expect(await bench.resultOf(assignment('b:build'))).toMatchObject({ status: 'success' });
  // An idle one would get the next task and never start it.
  const idle = one.pids('start').find(isRunning);
  process.kill(idle!, 'SIGSTOP');
  await one.waitFor('its end', () => !isRunning(idle!));
  bench.server.want({ assignments: [assignment('c:build')] });
  expect(await bench.resultOf(assignment('c:build'))).toMatchObject({ status: 'success' });
});

it('treats the failure of a task whose server was suspended as a lost attempt', async () => {
  const one = bench.start({ slots: 1 }, { executorFrozenMs: 300, killMs: 100 });
  bench.server.want({ assignments: [assignment('a:user')] });
  await one.waitFor('its server', () => one.pids('server').length === 1);
  const [server] = one.pids('server');
  process.kill(server!, 'SIGSTOP');
  await one.waitFor('the end of the server', () => !isRunning(server!));
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await bench.resultOf(assignment('a:user'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_EXECUTOR_FROZEN' },
  });
});

it('connects executors to a coordinator with a pinned key through a plain local port', async () => {
  const certificate = createCoordinatorCertificate();
  const secure = await FakeCoordinator.start(certificate);
  try {
    secure.runs.set('run-1', runOfTasks(['a:build']));
    const record = { version: 1, sessionId: 'session', url: secure.url, pin: certificate.pin } as const;
    const find = () => Promise.resolve({ ...record, generation: 'g', expiresAtMs: Number.MAX_VALUE });
    const report = () => Promise.resolve();
    const one = bench.start({ rendezvous: { isAddressGiven: false, find, report }, slots: 1 });
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

it('marks lines with their task when there are several slots, and prints why a task failed', async () => {
  const one = bench.start({ slots: 2 });
  bench.server.want({ assignments: [assignment('a:build'), assignment('b:lint', { streamOutput: false })] });
  await bench.resultOf(assignment('a:build'));
  await bench.resultOf(assignment('b:lint'));
  await one.waitFor('the log', () => one.output.includes('✔') && one.output.includes('✖'));
  expect(one.output).toMatch(/▶ a:build {2}attempt 1 {2}\(slot 1\)\n/);
  expect(one.output).toContain('a:build | building a:build\n');
  expect(one.output).toMatch(/✖ b:lint {2}exit code 3 {2}\d\.\d s\n/);
});

it('starts as many executors as slots are wanted, and reuses them', async () => {
  const one = bench.start();
  const wanted = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => assignment(`${name}:build`));
  bench.server.want({ assignments: wanted, slots: 3 });
  for (const each of wanted) await bench.resultOf(each);
  await one.waitFor('three executors', () => one.pids('start').length === 3);
  expect(bench.server.requests.filter((line) => line.includes('/v1/runs/'))).toEqual([
    'GET /v1/runs/run-1/env',
    'GET /v1/runs/run-1?hashes=none',
  ]);
});

it('passes forwarded values to executors, and writes them to no file, no log and no journaled message', async () => {
  bench.server.forwarded = { TOKEN: 'tr0ub4dor' };
  const one = bench.start();
  const wanted = assignment('a:reveal', { streamOutput: true });
  bench.server.want({ assignments: [wanted], slots: 1 });
  expect(await bench.resultOf(wanted)).toEqual({
    kind: 'returned',
    reason: { code: 'DTE_NX_FAILED', message: 'Nx says [MASKED]' },
  });
  await one.waitFor('the log', () => one.output.includes('returned: '));
  expect(one.output).toContain('with [MASKED]');
  // The main job must show the output of the task unchanged.
  expect(bench.server.outputs[0]?.data).toBe('with tr0ub4dor\n');
  const files = readdirSync(one.workspace, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  expect(files.length).toBeGreaterThan(1);
  const texts = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'));
  expect([...texts, one.output, JSON.stringify(bench.server.syncs)].join('\n')).not.toContain('tr0ub4dor');
});

it('does nothing twice when a wanted message is duplicated, and repeats its state when one was lost', async () => {
  const one = bench.start();
  const wanted = assignment('a:wait');
  bench.server.want({ assignments: [wanted], slots: 1 });
  await bench.executing('a:wait');
  bench.server.want({});
  bench.server.want({});
  bench.server.answers = false;
  writeFileSync(join(one.workspace, 'go-a'), '');
  await bench.resultOf(wanted);
  const seen = bench.server.syncs.length;
  bench.server.drop();
  await bench.server.waitForSync(
    'the result again, on a new connection',
    ({ seq, work }) => bench.server.syncs.length > seen && seq === 1 && work.length === 1,
  );
  bench.server.answers = true;
  bench.server.want({ assignments: [] });
  await bench.server.waitForSync('nothing listed', ({ work }) => work.length === 0);
  const before = bench.server.syncs.length;
  bench.server.want({ assignments: [wanted] });
  await waitFor('the remembered result', () =>
    bench.server.syncs.slice(before).some(({ work }) => work[0]?.phase.name === 'completed'),
  );
  expect(one.executors().filter((line) => line.startsWith('run'))).toHaveLength(1);
});

it('restores a dependency once for all of its tasks', async () => {
  const one = bench.start();
  const closure = [{ taskId: 'lib:build', hash: '9', artifact: { kind: 'cache' as const, hash: '9' } }];
  for (const name of ['a', 'b']) {
    bench.server.want({ assignments: [assignment(`${name}:build`, { closure })], slots: 1 });
    await bench.resultOf(assignment(`${name}:build`));
  }
  expect(one.executors().filter((line) => line.startsWith('run'))).toEqual([
    'run a:build 1 restore=lib:build',
    'run b:build 1 restore=',
  ]);
});

it.each([
  ['unable', 'could not build the project graph'],
  ['exit', 'Cannot find module nx'],
])('exits with code 1 when no executor can be started: %s', async (how, why) => {
  const one = bench.start({ env: { PATH: process.env['PATH'], FAKE_START: how } });
  bench.server.want({ assignments: [assignment('a:build')], slots: 1 });
  expect(await bench.resultOf(assignment('a:build'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_EXECUTOR_START' },
  });
  expect(await one.ended).toBe(1);
  expect(one.output).toContain(why);
  expect(one.output).toContain('What to do:');
});

it('stops a task that is no longer wanted and keeps its executor', async () => {
  const one = bench.start({ slots: 1 });
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  bench.server.want({ assignments: [assignment('b:build')] });
  await bench.resultOf(assignment('b:build'));
  expect(one.pids('start')).toHaveLength(1);
  expect(one.output).toContain('■ a:wait  stopped: no longer needed');
});

it('stops a task that hangs with its whole process tree, including detached children, and replaces the executor', async () => {
  const one = bench.start({ slots: 1 }, { killMs: 100 });
  bench.server.want({ assignments: [assignment('a:hang')], slots: 1 });
  await one.waitFor('the child', () => one.pids('child').length === 1);
  const [executor, child] = [one.pids('start')[0]!, one.pids('child')[0]!];
  expect([executor, child].every(isRunning)).toBe(true);
  bench.server.want({ assignments: [assignment('b:build')] });
  await bench.resultOf(assignment('b:build'));
  expect([executor, child].filter(isRunning)).toEqual([]);
  expect(one.pids('start')).toHaveLength(2);
});
