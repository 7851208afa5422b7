import { EventEmitter } from 'node:events';
import { openChannel } from './channel';
import { type ToExecutor } from './ipc';

class FakeProcess extends EventEmitter {
  readonly sent: unknown[] = [];
  send: ((message: unknown, callback: (error: Error | null) => void) => boolean) | undefined = (
    message,
    callback,
  ) => {
    this.sent.push(message);
    callback(null);
    return true;
  };
}

const STOP: ToExecutor = {
  type: 'stop',
  ref: { runId: 'run-1', taskId: 'app:build', attempt: 1 },
  graceMs: 1,
};
const never = (): void => {
  throw new Error('not meant');
};

describe('the channel of an executor', () => {
  it('carries the messages of the executor and nothing that its tasks send to their parent', () => {
    const ipc = new FakeProcess();
    let left = 0;
    const channel = openChannel(ipc, never, never);
    channel.send({ type: 'ready', graph: null }, () => left++);
    ipc.send?.({ type: 1, task: 'app:build' }, never);
    expect(ipc.sent).toEqual([[{ type: 'ready', graph: null }]]);
    expect(left).toBe(1);
  });

  it('collects messages for up to 100 ms to send them together', () => {
    jest.useFakeTimers();
    try {
      const ipc = new FakeProcess();
      const left: number[] = [];
      const channel = openChannel(ipc, never, never);
      const output = (offset: number) => ({ type: 'output', ref: STOP.ref, offset, data: 'x' }) as const;
      const executing = { type: 'executing', ref: STOP.ref, startMs: 1 } as const;
      const result = { type: 'unable', reason: { code: 'DTE_INTERNAL', message: 'no' } } as const;
      channel.sendSoon(executing);
      channel.sendSoon(output(0), () => left.push(0));
      expect(ipc.sent).toEqual([]);
      channel.send(result, () => left.push(1));
      expect(ipc.sent).toEqual([[executing, output(0), result]]);
      expect(left).toEqual([0, 1]);
      jest.advanceTimersByTime(1_000);
      channel.sendSoon(output(1));
      jest.advanceTimersByTime(60);
      channel.sendSoon(output(2));
      expect(ipc.sent).toHaveLength(1);
      jest.advanceTimersByTime(40);
      expect(ipc.sent.slice(1)).toEqual([[output(1), output(2)]]);
      jest.advanceTimersByTime(1_000);
      expect(ipc.sent).toHaveLength(2);
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([['nothing we say'], [{ type: 'toString' }], [{ kind: 'stop' }], [null]])(
    'treats %j as a message that another process writes to it',
    (message) => {
      const ipc = new FakeProcess();
      openChannel(ipc, never, never);
      expect(() => ipc.emit('message', message)).toThrow('do not understand each other');
    },
  );

  it('delivers messages to the executor, and to no other listener in its process', () => {
    const ipc = new FakeProcess();
    const heard: ToExecutor[] = [];
    let lost = 0;
    openChannel(
      ipc,
      (message) => heard.push(message),
      () => lost++,
    );
    ipc.on('message', never);
    ipc.emit('message', STOP);
    ipc.emit('disconnect');
    expect(heard).toEqual([STOP]);
    expect(lost).toBe(1);
  });

  it('exists only for a process that was forked', () => {
    const ipc = new FakeProcess();
    ipc.send = undefined;
    expect(() => openChannel(ipc, never, never)).toThrow('forked by an agent');
  });
});
