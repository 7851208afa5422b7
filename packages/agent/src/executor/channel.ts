import { LIMITS } from '@org/dte-protocol';
import { type FromExecutor, type ToExecutor, parseIpc, toExecutorSchema } from './ipc';

/** The executor's end of the IPC channel. */
export interface Channel {
  /** `done` is called when the message has left. */
  send(message: FromExecutor, done?: () => void): void;
}

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
  if (ipc.send === undefined) throw new Error('An executor is forked by an agent, never started by hand.');
  const send = ipc.send.bind(ipc);
  ipc.send = () => true;
  const emit = ipc.emit.bind(ipc);
  ipc.emit = (event, ...values) => {
    if (event !== 'message') return emit(event, ...values);
    onMessage(parseIpc(toExecutorSchema, values[0]));
    return true;
  };
  // Node reads from the channel only while somebody listens.
  ipc.on('message', () => undefined);
  ipc.on('disconnect', onLost);
  return {
    send(message, done) {
      send(message, (error) => {
        if (error === null) done?.();
      });
    },
  };
}

export const MAX_CHUNK = LIMITS.outputChunkBytes.value;
