import { request } from 'node:http';
import { HTTP } from '@org/dte-protocol';
import { type ForwardedEvents, ModelFold, type ReportEvent, type SessionModel } from '@org/dte-report';
import { httpCall, type RawClient, runSpec, taskSpec, waitFor } from '@org/dte-testing';
import { readJournalReport } from '../src';
import { agentSync, completed, Harness, success } from './support/harness';

const RUN = runSpec('r1', [taskSpec('lib:build'), taskSpec('app:build', ['lib:build'])], {
  streamOutput: true,
});
const OF_S1 = {
  model: HTTP.sessionModel('s1'),
  events: HTTP.sessionEvents('s1'),
  output: HTTP.sessionOutput('s1'),
};

interface Frame {
  readonly id: number | null;
  readonly event: string;
  readonly data: string;
}

/** A browser's end of a stream of server-sent events; `pause` makes it one that does not read. */
class EventReader {
  readonly status: Promise<number>;
  text = '';
  ended = false;
  private readonly outgoing;
  private incoming: NodeJS.ReadableStream | null = null;

  constructor(url: string, path: string, headers: Record<string, string>) {
    this.outgoing = request(`${url}${path}`, { headers });
    this.status = new Promise((resolve, reject) => {
      this.outgoing.on('error', reject).on('response', (response) => {
        this.incoming = response;
        response.setEncoding('utf8');
        response.on('data', (text: string) => (this.text += text));
        response.on('close', () => (this.ended = true)).on('error', () => (this.ended = true));
        resolve(response.statusCode ?? 0);
      });
    });
    this.outgoing.end();
  }

  get frames(): Frame[] {
    return this.text.split('\n\n').flatMap((block) => {
      const field = (name: string): string | undefined => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      const id = field('id');
      if (data === undefined) return [];
      return [{ id: id === undefined ? null : Number(id), event: field('event') ?? 'message', data }];
    });
  }

  get events(): ReportEvent[] {
    return this.frames.flatMap(({ data }) => JSON.parse(data) as ReportEvent[]);
  }

  pause(): void {
    this.incoming?.pause();
  }

  resume(): void {
    this.incoming?.resume();
  }

  close(): void {
    this.outgoing.on('error', () => undefined).destroy();
  }
}

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
    expect([answer.status, answer.text.slice(0, 8)]).toEqual([200, '{"seq":1']);
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
    expect(last.model).toMatchObject({
      sessionId: 's1',
      messages: [],
      agents: [{ name: 'agent 1', slots: 2 }],
    });
  });
});
