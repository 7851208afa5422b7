import { LIMITS } from '@org/dte-protocol';
import { type FromExecutor, type ToExecutor, parseIpc, toExecutorSchema } from './ipc';

/** The executor's end of the IPC channel. */
export interface Channel {
  /** `done` is called when the message has left. */
  send(message: FromExecutor, done?: () => void): void;
}

interface IpcProcess {
  readonly send?: ((message: unknown, callback: (error: Error | null) => void) => boolean) | undefined;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

/**
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
  ipc.on('message', (message) => onMessage(parseIpc(toExecutorSchema, message)));
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
