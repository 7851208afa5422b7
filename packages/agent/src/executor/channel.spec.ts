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
  it('carries what the executor says and nothing that its tasks send to their parent', () => {
    const ipc = new FakeProcess();
    let left = 0;
    const channel = openChannel(ipc, never, never);
    channel.send({ type: 'ready' }, () => left++);
    ipc.send?.({ type: 1, task: 'app:build' }, never);
    expect(ipc.sent).toEqual([{ type: 'ready' }]);
    expect(left).toBe(1);
  });

  it('tells the executor what it is told, and nobody else who listens in its process', () => {
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

  it('is there only for a process that was forked', () => {
    const ipc = new FakeProcess();
    ipc.send = undefined;
    expect(() => openChannel(ipc, never, never)).toThrow('forked by an agent');
  });
});
