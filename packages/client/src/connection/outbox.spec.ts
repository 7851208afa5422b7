import { type AgentOutput, type AgentSync } from '@org/dte-protocol';
import { Outbox } from './outbox';

const sync = (seq: number): AgentSync => ({
  type: 'agent.sync',
  seq,
  slots: null,
  draining: false,
  work: [],
});
const output = (offset: number, length = 10): AgentOutput => ({
  type: 'agent.output',
  runId: 'r',
  taskId: 't',
  attempt: 1,
  offset,
  data: 'x'.repeat(length),
});

/** A socket that accepts nothing until the test lets it. */
function sink() {
  const written: string[] = [];
  const done: (() => void)[] = [];
  return {
    written,
    done,
    bufferedBytes: 0,
    write(frame: string, whenDone: () => void) {
      written.push(frame);
      done.push(whenDone);
    },
    seen: () => written.map((frame) => JSON.parse(frame) as { type: string; seq?: number; offset?: number }),
  };
}

it('keeps the newest state of each subject until there is a connection', () => {
  const outbox = new Outbox(1_000);
  outbox.push(sync(1));
  outbox.push(sync(2));
  outbox.push({ type: 'main.sync', runId: 'a', ackSeq: 1, want: 'follow' });
  outbox.push({ type: 'main.sync', runId: 'b', ackSeq: 1, want: 'follow' });
  const to = sink();
  outbox.attach(to);
  expect(to.seen()).toMatchObject([{ seq: 2 }, { runId: 'a' }, { runId: 'b' }]);
});

it('sends a state message before the output that waits for a full socket', () => {
  const outbox = new Outbox(100_000);
  const to = sink();
  to.bufferedBytes = 1_000_000;
  outbox.attach(to);
  outbox.push(output(0));
  outbox.push(sync(1));
  expect(to.written).toEqual([]);
  outbox.push(output(10));
  to.bufferedBytes = 0;
  outbox.push(output(20));
  expect(to.seen().map(({ seq, offset }) => seq ?? offset)).toEqual([1, 0, 10, 20]);
});

it('rejects output above the limit, and while there is no connection', () => {
  const outbox = new Outbox(500);
  expect(outbox.push(output(0))).toBe(false);
  const to = sink();
  to.bufferedBytes = 1_000_000;
  outbox.attach(to);
  expect([outbox.push(output(0, 400)), outbox.push(output(400, 400))]).toEqual([true, false]);
  outbox.detach();
  const next = sink();
  outbox.attach(next);
  expect(next.written).toEqual([]);
});
