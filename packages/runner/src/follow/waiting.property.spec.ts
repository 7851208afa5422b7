import { DteError } from '@org/dte-protocol';
import fc from 'fast-check';
import { endedEntry, sessionAgent } from '../test-support/run-log';
import { Waiting, type WaitingEffect, type WaitingEvent } from './waiting';

const LIMITS = { coordinatorGraceMs: 30_000, agentWaitMs: 60_000 };
const TASKS = 6;

/** Updates may be lost, doubled and late: any stretch of the log, from anywhere. */
const update = fc
  .record({ from: fc.nat(TASKS), count: fc.nat(3), agents: fc.nat(1) })
  .map(({ from, count, agents }): WaitingEvent => ({
    type: 'message',
    message: {
      type: 'run.update',
      runId: 'r',
      fromSeq: from,
      entries: Array.from({ length: Math.min(count, TASKS - from) }, (_, at) => endedEntry(from + at + 1)),
      state: 'running',
      summary: { total: TASKS, done: 0, running: 0, agents, slots: 1, oldestRunning: null },
    },
  }));
const info = fc
  .record({ isOpen: fc.boolean(), agents: fc.nat(1) })
  .map(({ isOpen, agents }): WaitingEvent => ({
    type: 'message',
    message: {
      type: 'session.info',
      sessionId: 's',
      state: isOpen ? 'open' : 'finished',
      agents: agents === 0 ? [] : [sessionAgent()],
      refused: [],
    },
  }));
const connection = fc.boolean().map((isOpen): WaitingEvent => ({ type: 'connection', isOpen }));
const others = fc.constantFrom<WaitingEvent>(
  { type: 'tick' },
  { type: 'cancel' },
  { type: 'ended', error: new DteError('DTE_COORDINATOR_LOST', 'closed') },
);
const happenings = fc.array(
  fc.record({
    event: fc.oneof(
      { weight: 6, arbitrary: update },
      { weight: 3, arbitrary: info },
      { weight: 3, arbitrary: connection },
      { weight: 1, arbitrary: others },
    ),
    afterMs: fc.nat(20_000),
  }),
  { maxLength: 30 },
);

/** Plays the events, with a tick whenever one is requested; then the coordinator is lost permanently. */
function play(
  happens: readonly { readonly event: WaitingEvent; readonly afterMs: number }[],
): WaitingEffect[] {
  const waiting = new Waiting({ runId: 'r', expected: TASKS, limits: LIMITS, stopsAtFailure: false });
  const effects: WaitingEffect[] = [];
  let nowMs = 1_000;
  const feed = (event: WaitingEvent): void => void effects.push(...waiting.take(event, nowMs));
  const passUntil = (atMs: number): void => {
    for (let wake = waiting.wakeAtMs; wake !== null && wake <= atMs; wake = waiting.wakeAtMs) {
      nowMs = Math.max(nowMs, wake);
      feed({ type: 'tick' });
    }
    nowMs = atMs;
  };
  feed({ type: 'begin', isConnected: true });
  for (const { event, afterMs } of happens) {
    passUntil(nowMs + afterMs);
    feed(event);
  }
  feed({ type: 'connection', isOpen: false });
  passUntil(nowMs + LIMITS.coordinatorGraceMs);
  expect(waiting.wakeAtMs).toBeNull();
  return effects;
}

describe('Waiting', () => {
  it('ends exactly once, whatever happened before the coordinator was lost', () => {
    fc.assert(
      fc.property(happenings, (happens) => {
        expect(play(happens).filter(({ type }) => type === 'over')).toHaveLength(1);
      }),
    );
  });

  it('receives each entry once and in order, and the whole log if it reports that the run is over', () => {
    fc.assert(
      fc.property(happenings, (happens) => {
        const effects = play(happens);
        const heard = effects.flatMap((effect) => (effect.type === 'hear' ? [effect.entry.seq] : []));
        expect(heard).toEqual(heard.map((_, index) => index + 1));
        const over = effects.find(({ type }) => type === 'over');
        if (over?.type === 'over' && over.outcome === null) expect(heard).toHaveLength(TASKS);
      }),
    );
  });

  it('acknowledges nothing that it has not received', () => {
    fc.assert(
      fc.property(happenings, (happens) => {
        let heard = 0;
        for (const effect of play(happens)) {
          if (effect.type === 'hear') heard = effect.entry.seq;
          if (effect.type === 'sync') expect(effect.ackSeq).toBeLessThanOrEqual(heard);
        }
      }),
    );
  });
});
