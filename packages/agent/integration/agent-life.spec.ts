import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor, assignment } from '@org/dte-testing';
import { AgentBench } from './agent-bench';

const bench = new AgentBench();

it('starts an executor before it finds a coordinator', async () => {
  bench.startAt(null, {}, { agentIdleMs: 600_000 });
  await bench.agent.waitFor('an executor', () => bench.agent.pids('start').length > 0);
  await bench.agent.waitFor('what it waits for', () => bench.agent.output !== '');
  expect(bench.agent.output).toBe('dte: session session · waiting for its main job to start a coordinator\n');
});

it('exits when no coordinator appears', async () => {
  bench.startAt(null, {}, { agentIdleMs: 50 });
  expect(await bench.agent.ended).toBe(0);
  expect(bench.agent.output).toMatch(
    /dte: no coordinator was found for 0.05 s, leaving \(DTE_AGENT_IDLE_MS\)\n$/,
  );
});

it('exits at once, with code 0 and one line, when the session that it finds is finished', async () => {
  const record = { version: 1, sessionId: 'session', url: 'http://127.0.0.1:9', generation: 'g' } as const;
  const find = () =>
    Promise.resolve({ ...record, expiresAtMs: Number.MAX_VALUE, state: 'finished' as const });
  const rendezvous = { isAddressGiven: false, find, report: () => Promise.resolve() };
  bench.startAt(null, { rendezvous }, { agentIdleMs: 600_000 });
  expect(await bench.agent.ended).toBe(0);
  expect(bench.agent.output).toBe('dte: session session is finished; nothing to do\n');
});

it('returns an attempt with the last output of its executor when the executor crashes, and continues with another executor', async () => {
  // An agent that does not know the number of executors yet may start a second one.
  const one = bench.start({ slots: 1 });
  bench.server.want({ assignments: [assignment('a:crash')], slots: 1 });
  expect(await bench.resultOf(assignment('a:crash'))).toMatchObject({
    kind: 'returned',
    reason: {
      code: 'DTE_EXECUTOR_CRASHED',
      message: expect.stringMatching(/exit code 7[^]*heap out of memory/) as string,
    },
  });
  bench.server.want({ assignments: [assignment('b:build')] });
  expect(await bench.resultOf(assignment('b:build'))).toMatchObject({ kind: 'finished' });
  expect(one.pids('start')).toHaveLength(2);
});

it('exits with 0 on SIGTERM when running tasks have finished and were acknowledged, and starts nothing new', async () => {
  const one = bench.start();
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  one.signals.emit('SIGTERM');
  await bench.server.waitForSync('draining', ({ draining }) => draining);
  bench.server.want({ assignments: [assignment('a:wait'), assignment('b:build')] });
  expect(await bench.resultOf(assignment('b:build'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_AGENT_LEFT' },
  });
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await one.ended).toBe(0);
  expect(await bench.resultOf(assignment('a:wait'))).toMatchObject({ kind: 'finished' });
});

it('returns tasks that do not finish in time after SIGTERM, and exits with 0', async () => {
  const one = bench.start({}, { drainMs: 50 });
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  one.signals.emit('SIGTERM');
  expect(await one.ended).toBe(0);
  expect(await bench.resultOf(assignment('a:wait'))).toMatchObject({
    kind: 'returned',
    reason: { code: 'DTE_AGENT_LEFT' },
  });
});

it('exits with 0 on SIGTERM even if the coordinator does not answer', async () => {
  const one = bench.start({}, { drainMs: 50, killMs: 50 });
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  await bench.server.close();
  one.signals.emit('SIGTERM');
  expect(await one.ended).toBe(0);
});

it('exits when the coordinator requests it, after the listed tasks', async () => {
  const one = bench.start();
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  bench.server.want({ stop: { code: 'DTE_SESSION_FINISHED', message: 'all targets have run' } });
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await one.ended).toBe(0);
  expect(one.output).toMatch(/✔ a:wait[^]*dte: done, leaving: all targets have run\n$/);
});

it('exits with 0 when the session is over, and with 1 and how to fix it when it is rejected', async () => {
  bench.server.refusal = { code: 'DTE_SESSION_FINISHED', message: 'session session has ended' };
  expect(await bench.start().ended).toBe(0);
  expect(bench.agent.output).toBe('dte: session session has ended\n');
  bench.server.refusal = { code: 'DTE_COMMIT_MISMATCH', message: 'other commit' };
  expect(await bench.start().ended).toBe(1);
  expect(bench.agent.output).toMatch(
    /^other commit\n {2}What to do: Check out the same commit[^]*DTE_COMMIT_MISMATCH/,
  );
});

it('exits when it gets no work for too long', async () => {
  const one = bench.start({}, { agentIdleMs: 600_000 });
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  // Short only now: until it is connected, the same limit ends its search for a coordinator.
  one.limits.agentIdleMs = 50;
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await one.ended).toBe(0);
  expect(one.output).toContain('dte: nothing to do for 0.05 s, leaving');
});

it('exits with code 0 when its coordinator is unreachable for longer than the grace period', async () => {
  const one = bench.start({}, { coordinatorGraceMs: 600, agentIdleMs: 600_000 });
  await one.waitFor('the connection', () => one.output.includes('is connected to'));
  await bench.server.close();
  expect(await one.ended).toBe(0);
  expect(one.output).toMatch(
    /connection lost.*\ndte: the coordinator was unavailable for 0.6 s .*; leaving\n$/,
  );
});

it('keeps a task running while the coordinator is unreachable, and reports it on the next connection', async () => {
  const one = bench.start();
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  const seen = bench.server.syncs.length;
  bench.server.drop();
  await one.waitFor('the loss', () => one.output.includes('connection lost'));
  await bench.server.waitForSync(
    'the task, still executing',
    ({ work }) => bench.server.syncs.length > seen && work[0]?.phase.name === 'executing',
  );
  writeFileSync(join(one.workspace, 'go-a'), '');
  expect(await bench.resultOf(assignment('a:wait'))).toMatchObject({ kind: 'finished' });
});

it('stops tasks that are no longer wanted after it was suspended for long', async () => {
  const one = bench.start();
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  bench.server.answers = false;
  bench.server.drop();
  await waitFor('the new connection', () => bench.server.hellos.length === 2);
  await bench.server.waitForSync(
    'what it believes to be its work',
    ({ seq, work }) => seq >= 1 && work.length === 1,
  );
  bench.server.want({ assignments: [] });
  await bench.server.waitForSync('nothing', ({ work }) => work.length === 0);
  expect(one.output).toContain('stopped: no longer needed');
});

it('sends nothing while nothing changes, although every sync is answered', async () => {
  const one = bench.start();
  bench.server.want({ assignments: [assignment('a:wait')], slots: 1 });
  await bench.executing('a:wait');
  const said = bench.server.syncs.length;
  for (let i = 0; i < 20; i++) bench.server.want({});
  writeFileSync(join(one.workspace, 'go-a'), '');
  await bench.resultOf(assignment('a:wait'));
  // The result, and the acknowledgement that it is forgotten; one more may report `executing`.
  expect(bench.server.syncs.length - said).toBeLessThanOrEqual(3);
});

it('sends heartbeats', async () => {
  bench.server.heartbeatMs = 20;
  bench.start();
  await bench.server.waitForSync('five syncs', ({ seq }) => seq >= 5);
});

it('leaves gaps with correct offsets in live output when the coordinator is slow, and prints all of it in its own log', async () => {
  const one = bench.start({}, { outputBufferBytes: 300_000 });
  await waitFor('the connection', () => bench.server.hellos.length === 1 && bench.server.syncs.length > 0);
  bench.server.want({ assignments: [assignment('a:flood')], slots: 1 });
  bench.server.freeze();
  await one.waitFor('the end of the task', () => one.output.includes('✔ a:flood'));
  bench.server.thaw();
  await bench.resultOf(assignment('a:flood'));
  await waitFor('some output', () => bench.server.outputs.length > 0);
  expect(bench.server.outputs.length).toBeLessThan(80);
  for (const { offset, data } of bench.server.outputs) {
    expect(offset % (64 * 1024)).toBe(0);
    expect(data).toHaveLength(64 * 1024);
  }
  expect(one.output.split('\n').filter((line) => /^x+$/.test(line))).toHaveLength(80);
});
