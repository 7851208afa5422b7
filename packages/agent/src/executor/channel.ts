import { LIMITS } from '@org/dte-protocol';
import { type FromExecutor, type ToExecutor, TO_EXECUTOR, ofSameBuild } from './ipc';

/** The executor's end of the IPC channel. */
export interface Channel {
  /** Leaves now, behind what waits. `done` is called when the message has left. */
  send(message: FromExecutor, done?: () => void): void;
  /** Leaves with the next message: of a task that is over in a moment the supervisor hears once. */
  sendSoon(message: FromExecutor, done?: () => void): void;
}

/** How long messages that nobody waits for are collected. No limit: nothing is late because of it, it only saves messages. */
const SOON_MS = 100;

interface IpcProcess {
  send?: ((message: unknown, callback: (error: Error | null) => void) => boolean) | undefined;
  emit(event: string, ...values: unknown[]): boolean;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/**
 * From here on the channel is ours alone. Nx passes on what comes through it to the processes of a task, where it is nobody's
 * business (it may be a token), and through it what those send to their parent, which the supervisor takes for a broken
 * executor: on 20 and 21 the workers of a batch do so by themselves.
 * @param onLost the supervisor is gone
 * @throws Error when the process was not forked
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
  // Node reads from the channel only while somebody listens.
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
