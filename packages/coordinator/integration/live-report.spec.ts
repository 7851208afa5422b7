import { appendFile, rm, writeFile } from 'node:fs/promises';
import { type AgentOutput, HTTP } from '@org/dte-protocol';
import {
  type ForwardedEvents,
  modelJsonSchema,
  ModelFold,
  type ReportEvent,
  type SessionModel,
} from '@org/dte-report';
import { httpCall, type RawClient, runSpec, taskSpec, waitFor } from '@org/dte-testing';
import { Ajv2020 } from 'ajv/dist/2020';
import { readJournalReport } from '../src';
import { EventReader } from './support/event-reader';
import { agentSync, completed, containing, Harness, success } from './support/harness';

const RUN = runSpec('r1', [taskSpec('lib:build'), taskSpec('app:build', ['lib:build'])], {
  streamOutput: true,
});
const OF_S1 = {
  model: HTTP.sessionModel('s1'),
  events: HTTP.sessionEvents('s1'),
  output: HTTP.sessionOutput('s1'),
};

describe('the live report of a standalone coordinator', () => {
  let harness: Harness;
  const readers: EventReader[] = [];
  afterEach(async () => {
    for (const reader of readers.splice(0)) reader.close();
    await harness.cleanUp();
  });

  const read = (client: RawClient, path: string, headers: Record<string, string> = {}): EventReader => {
    const reader = new EventReader(harness.url, path, {
      authorization: `Bearer ${client.token}`,
      ...headers,
    });
    readers.push(reader);
    return reader;
  };

  async function modelFor(client: RawClient): Promise<{ seq: number; model: SessionModel }> {
    const answer = await httpCall(harness.url, { path: OF_S1.model, token: client.token });
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text) as { seq: number; model: SessionModel };
  }

  const tell = (main: RawClient, events: ReportEvent[], sentAtMs = Date.now()) => {
    const body = JSON.stringify({ sentAtMs, events } satisfies ForwardedEvents);
    return httpCall(harness.url, { method: 'POST', path: HTTP.reportEvents, token: main.token, body });
  };

  async function begin(): Promise<{ main: RawClient; agent: RawClient }> {
    const main = await harness.main();
    const agent = await harness.agent('agent 1', { clientId: 'agent-1' });
    agent.send(agentSync(1));
    await harness.submit(main, RUN);
    await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
    return { main, agent };
  }

  async function finishTask(main: RawClient, agent: RawClient, taskId: string, seq: number): Promise<void> {
    const hash = `hash-${taskId.replace(':', '-')}`;
    await harness.putCache(agent, hash, 'outputs');
    const nowMs = Date.now();
    agent.send(
      agentSync(seq, [
        completed('r1', taskId, { ...success(hash), startMs: nowMs - 5, endMs: nowMs } as ReturnType<
          typeof success
        >),
      ]),
    );
    await main.next('run.update', ({ entries }) =>
      entries.some((each) => each.type === 'ended' && each.taskId === taskId),
    );
  }

  const ended = (taskId: string, here: boolean): ReportEvent => ({
    type: 'ended',
    atMs: Date.now(),
    runId: 'r1',
    taskId,
    status: 'success',
    code: 0,
    from: null,
    here,
    startMs: null,
    endMs: null,
    output: null,
  });

  it('model and events lead to the same report as a model that is asked for later', async () => {
    harness = await Harness.start();
    const { main, agent } = await begin();
    const first = await modelFor(main);
    const reader = read(main, `${OF_S1.events}?after=${first.seq}`);
    expect(await reader.status).toBe(200);
    await finishTask(main, agent, 'lib:build', 2);
    await finishTask(main, agent, 'app:build', 3);
    expect((await tell(main, [ended('lib:build', false), ended('app:build', false)])).status).toBe(200);
    expect((await tell(main, [{ type: 'run.ended', atMs: Date.now(), runId: 'r1', ok: true }])).status).toBe(
      200,
    );
    await waitFor('the last event', () => reader.text.includes('run.ended'), {
      lastState: () => reader.text,
    });
    const fold = ModelFold.resume(first.model);
    for (const event of reader.events) fold.apply(event);
    await waitFor('a fresh model', async () => (await modelFor(main)).model.runs[0]?.ok === true);
    const last = await modelFor(main);
    expect(fold.model).toEqual(last.model);
    expect(last.seq).toBe(reader.frames.at(-1)?.id);
    expect(
      last.model.runs[0]?.tasks.map(({ id, status, attempts }) => [id, status, attempts.length]),
    ).toEqual([
      ['lib:build', 'success', 1],
      ['app:build', 'success', 1],
    ]);
    const validate = new Ajv2020({ strict: true }).compile(modelJsonSchema());
    expect([validate(last.model), validate.errors]).toEqual([true, null]);
    expect(validate({ ...last.model, version: 2 })).toBe(false);
    expect(last.model).toMatchObject({
      sessionId: 's1',
      messages: [],
      agents: [{ name: 'agent 1', slots: 2 }],
    });
  });

  it('keeps the report over a restart, with what only the main job knew, and shows it when the session is over', async () => {
    harness = await Harness.start();
    const { main } = await begin();
    await tell(main, [
      { type: 'message', atMs: Date.now(), reason: { code: 'DTE_NO_AGENTS', message: 'no agents' } },
      ended('app:build', true),
    ]);
    const before = await modelFor(main);
    await harness.coordinator.close();
    await harness.startCoordinator();
    const after = await modelFor(main);
    expect(after.seq).toBeGreaterThan(before.seq);
    expect(after.model).toMatchObject({
      messages: [{ reason: { message: 'no agents' } }],
      runs: [{ tasks: [{ id: 'lib:build' }, { id: 'app:build', status: 'success' }] }],
    });
    // Who knows a number of before is told to load it again.
    const late = read(main, `${OF_S1.events}?after=${before.seq}`);
    await waitFor('the end of the stream', () => late.ended);
    expect(late.frames.map(({ event }) => event)).toEqual(['resume']);

    const reader = read(main, `${OF_S1.events}?after=${after.seq}`);
    await reader.status;
    await httpCall(harness.url, { method: 'POST', path: HTTP.sessionComplete, token: main.token });
    const again = await harness.main();
    await tell(again, [{ type: 'run.ended', atMs: Date.now(), runId: 'r1', ok: false }]);
    again.send({ type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'close' });
    await again.kill();
    await waitFor('the session to be unloaded', () => reader.ended, { lastState: () => reader.text });
    expect(harness.coordinator.sessions()).toEqual([]);
    const last = await modelFor(main);
    expect(last.model.runs[0]).toMatchObject({ ok: false });
    const over = read(main, `${OF_S1.events}?after=${last.seq}`);
    expect(await over.status).toBe(204);
    const early = read(main, `${OF_S1.events}?after=${last.seq - 1}`);
    await waitFor('the end of the stream', () => early.ended);
    expect(early.frames.map(({ event }) => event)).toEqual(['resume']);
    expect(harness.coordinator.sessions()).toEqual([]);
  });

  it('begins in the middle if nothing but a compacted journal is left, says so, and invents nothing', async () => {
    harness = await Harness.start({ limits: { journalTailBytes: 1, journalTailFactor: 1 } });
    const { main, agent } = await begin();
    await finishTask(main, agent, 'lib:build', 2);
    main.send({ type: 'main.sync', runId: 'r1', ackSeq: 2, want: 'follow' });
    const folder = `${harness.dataDir}/sessions/s1`;
    await agent.next('agent.wanted', ({ assignments }) =>
      assignments.some(({ taskId }) => taskId === 'app:build'),
    );
    await harness.coordinator.close();
    expect((await readJournalReport(folder)).messages).toEqual([]);
    await rm(`${folder}/report.jsonl`);
    const { messages, runs } = await readJournalReport(`${folder}/journal.jsonl`);
    expect(messages).toMatchObject([
      { reason: { code: 'DTE_REPORT_PARTIAL', message: containing('begins at') } },
    ]);
    expect(runs[0]?.tasks).toMatchObject([
      { id: 'lib:build', status: 'success', doneMs: null },
      { id: 'app:build' },
    ]);
    await appendFile(`${folder}/journal.jsonl`, 'damaged\n{}\n');
    const damaged = await readJournalReport(folder);
    expect(damaged.runs[0]?.tasks).toEqual(runs[0]?.tasks);
    expect(damaged.messages.at(-1)).toMatchObject({
      reason: { code: 'DTE_REPORT_PARTIAL', message: containing('not complete: Line ') },
    });
    await writeFile(`${folder}/journal.jsonl`, 'damaged\n');
    await expect(readJournalReport(folder)).rejects.toMatchObject({ code: 'DTE_JOURNAL_CORRUPT' });
    await expect(readJournalReport(`${folder}/nothing`)).rejects.toMatchObject({ code: 'DTE_NO_REPORT' });
  });

  it('a reader that does not read costs no memory: it is told to load the report again', async () => {
    harness = await Harness.start({ limits: { reportRecentBytes: 3_000_000 } });
    const { main } = await begin();
    const { seq } = await modelFor(main);
    const reader = read(main, `${OF_S1.events}?after=${seq}`);
    await reader.status;
    reader.pause();
    const text = 'x'.repeat(16_000);
    const many = Array.from({ length: 200 }, (): ReportEvent => ({
      type: 'message',
      atMs: Date.now(),
      reason: { code: 'DTE_NO_AGENTS', message: text },
    }));
    // More than what the kernel buffers of both sides, and what is kept.
    for (let nth = 0; nth < 12; nth++) expect((await tell(main, many)).status).toBe(200);
    reader.resume();
    await waitFor('the end of the stream', () => reader.ended);
    expect(reader.frames.at(-1)?.event).toBe('resume');
    expect(reader.events.length).toBeLessThan(12 * many.length);
  });

  it('has room for so many readers, and so many events', async () => {
    harness = await Harness.start({ limits: { reportReadersPerSession: 2, reportBytes: 100_000 } });
    const { main } = await begin();
    const { seq } = await modelFor(main);
    const [one, two] = [
      read(main, `${OF_S1.events}?after=${seq}`),
      read(main, `${OF_S1.events}?after=${seq}`),
    ];
    expect([await one.status, await two.status]).toEqual([200, 200]);
    expect(await read(main, `${OF_S1.events}?after=${seq}`).status).toBe(429);
    one.close();
    await waitFor('room', async () => {
      const next = read(main, `${OF_S1.events}?after=${seq}`);
      return (await next.status) === 200;
    });
    const long: ReportEvent = {
      type: 'message',
      atMs: Date.now(),
      reason: { code: 'DTE_NO_AGENTS', message: 'x'.repeat(16_000) },
    };
    await tell(
      main,
      Array.from({ length: 10 }, () => long),
    );
    await waitFor('what is left out', async () =>
      (await modelFor(main)).model.messages.some(({ reason }) => reason.code === 'DTE_REPORT_PARTIAL'),
    );
    expect((await modelFor(main)).model.messages.length).toBeLessThan(10);
  });

  it('shows what a running task prints, from its last lines on, until it ends', async () => {
    harness = await Harness.start();
    const { main, agent } = await begin();
    const piece = (offset: number, data: string): AgentOutput => ({
      type: 'agent.output',
      runId: 'r1',
      taskId: 'lib:build',
      attempt: 1,
      offset,
      data,
    });
    agent.send(piece(0, 'one\n'));
    await main.next('run.output');
    const reader = read(main, `${OF_S1.output}?run=r1&task=lib%3Abuild`);
    await waitFor('the first line', () => reader.text === 'one\n', { lastState: () => reader.text });
    agent.send(piece(4, 'two\n'));
    await waitFor('the second line', () => reader.text === 'one\ntwo\n', { lastState: () => reader.text });
    await finishTask(main, agent, 'lib:build', 2);
    await waitFor('the end', () => reader.ended);
    const late = read(main, `${OF_S1.output}?run=r1&task=lib%3Abuild`);
    await waitFor('the end', () => late.ended);
    expect(late.text).toBe('');
  });

  it('has the times of a main job by the clock of the coordinator', async () => {
    harness = await Harness.start();
    const { main } = await begin();
    const hourMs = 3_600_000;
    const ahead = Date.now() + hourMs;
    await tell(main, [{ type: 'run.ended', atMs: ahead - 1_000, runId: 'r1', ok: true }], ahead);
    await waitFor('the end', async () => (await modelFor(main)).model.runs[0]?.endMs != null);
    const { startMs = 0, endMs } = (await modelFor(main)).model.runs[0] ?? {};
    expect(Math.abs((endMs ?? 0) - startMs)).toBeLessThan(hourMs / 2);
  });
});
