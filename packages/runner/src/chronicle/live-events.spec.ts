import { DteError, LIMITS } from '@org/dte-protocol';
import type { ForwardedEvents, ReportEvent } from '@org/dte-report';
import { LiveEvents } from './live-events';

const message = (text: string): ReportEvent => ({
  type: 'message',
  atMs: 1,
  reason: { code: 'DTE_NO_AGENTS', message: text },
});
const noLink = () => Promise.reject(new DteError('DTE_INVALID_ID', 'no endpoint'));

describe('the events that a main job sends for the live report', () => {
  let sent: ForwardedEvents[];
  let answer: (signal: AbortSignal) => Promise<void>;
  let live: LiveEvents;

  beforeEach(() => {
    sent = [];
    answer = () => Promise.resolve();
    const sendReportEvents = (json: string, signal: AbortSignal): Promise<void> => {
      sent.push(JSON.parse(json) as ForwardedEvents);
      return answer(signal);
    };
    live = new LiveEvents({ sendReportEvents, viewLink: noLink }, () => 7);
  });

  const texts = (): string[][] =>
    sent.map(({ events }) =>
      events.map((event) => (event.type === 'message' ? event.reason.message : event.type)),
    );

  it('go together, without what the coordinator knows itself, and all are sent when the command ends', async () => {
    live.write(message('one'));
    live.write({ type: 'agents', atMs: 1, agents: [] });
    live.write(message('two'));
    await live.end();
    expect(texts()).toEqual([['one', 'two']]);
    expect(sent[0]?.sentAtMs).toBe(7);
    live.write(message('too late'));
    await live.end();
    expect(sent).toHaveLength(1);
  });

  it('are given up when the coordinator does not know them, and after a few failures', async () => {
    answer = () => Promise.reject(new DteError('DTE_INVALID_ID', 'No endpoint'));
    live.write(message('one'));
    await live.end();
    live.write(message('two'));
    await live.end();
    expect(texts()).toEqual([['one']]);
    expect(await live.link(() => '')).toBeNull();
  });

  it('do not keep a command that has ended waiting for a coordinator that does not answer', async () => {
    let aborted = false;
    answer = (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted = true;
          reject(new DteError('DTE_TIMEOUT', 'aborted'));
        });
      });
    live.write(message('one'));
    const startedMs = performance.now();
    await live.end();
    expect(performance.now() - startedMs).toBeLessThan(LIMITS.forwardedEventsEndMs.value + 20_000);
    expect(aborted).toBe(true);
  });

  it('leave out what does not fit, and split a command with very many tasks', async () => {
    const tasks = Array.from({ length: 25_000 }, (_, nth) => ({
      id: `p${nth}:build`,
      project: `p${nth}`,
      target: 'build',
      configuration: null,
      dependencies: [],
      hash: null,
      cacheable: true,
      expectedMs: null,
    }));
    live.write({ type: 'run', atMs: 1, runId: 'r1', command: 'nx build', parallel: 1, tasks });
    const long = 'x'.repeat(1_000_000);
    for (let nth = 0; nth < 50; nth++) live.write(message(long));
    await live.end();
    const bytes = sent.map((each) => JSON.stringify(each).length);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(LIMITS.forwardedEventsBytes.value);
    const kept = sent.flatMap(({ events }) => events);
    expect(kept.flatMap((event) => (event.type === 'run' ? event.tasks : []))).toHaveLength(25_000);
    expect(kept.length).toBeLessThan(35);
  });
});
