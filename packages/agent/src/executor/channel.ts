import { LIMITS } from '@org/dte-protocol';
import { type FromExecutor, type ToExecutor, TO_EXECUTOR, ofSameBuild } from './ipc';

/** The executor's end of the IPC channel. */
export interface Channel {
  /** Sends immediately, after the waiting messages. `done` is called when the message has left. */
  send(message: FromExecutor, done?: () => void): void;
  /** Sends with the next message: for a very short task, the supervisor gets only one message. */
  sendSoon(message: FromExecutor, done?: () => void): void;
}

/** How long messages that are not urgent are collected. Not configurable: it only saves messages. */
const SOON_MS = 100;

interface IpcProcess {
  send?: ((message: unknown, callback: (error: Error | null) => void) => boolean) | undefined;
  emit(event: string, ...values: unknown[]): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/**
 * From here on, only this code uses the channel. Otherwise, Nx forwards its messages to the processes of a task, which
 * must not see them (one may be a token), and forwards messages of those processes to the supervisor, which would
 * consider the executor broken: on 20 and 21, the workers of a batch send such messages by themselves.
 * @param onLost the supervisor has exited
 * @throws Error if the process was not forked
 */
export function openChannel(
  ipc: IpcProcess,
  onMessage: (message: ToExecutor) => void,
  onLost: () => void,
): Channel {
  if (ipc.send === undefined)
    throw new Error('An executor is forked by an agent; it cannot be started manually.');
  const send = ipc.send.bind(ipc);
  ipc.send = () => true;
  const emit = ipc.emit.bind(ipc);
  ipc.emit = (event, ...values) => {
    if (event !== 'message') return emit(event, ...values);
    onMessage(ofSameBuild(values[0], TO_EXECUTOR));
    return true;
  };
  // Node reads from the channel only while there is a listener.
  ipc.on('message', () => undefined);
  ipc.on('disconnect', onLost);
  let waiting: FromExecutor[] = [];
  let left: (() => void)[] = [];
  let timer: NodeJS.Timeout | null = null;
  const add = (message: FromExecutor, done?: () => void): void => {
    waiting.push(message);
    if (done !== undefined) left.push(done);
  };
  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const [frame, callbacks] = [waiting, left];
    [waiting, left] = [[], []];
    send(frame, (error) => {
      if (error === null) for (const done of callbacks) done();
    });
  };
  return {
    send(message, done) {
      add(message, done);
      flush();
    },
    sendSoon(message, done) {
      add(message, done);
      timer ??= setTimeout(flush, SOON_MS);
    },
  };
}

export const MAX_CHUNK = LIMITS.outputChunkBytes.value;
