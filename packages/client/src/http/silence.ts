import { type ClientRequest } from 'node:http';
import { type Socket } from 'node:net';
import { DteError, LIMITS } from '@org/dte-protocol';

export interface SilenceOptions {
  /** Method and path, for messages. */
  readonly what: string;
  /** How long nothing may move before something is done about it. */
  readonly idleMs: number;
  /** There is a body that takes its time. */
  readonly isUpload: boolean;
  /** Does the coordinator answer on another connection? Rejects if not. */
  readonly probe: () => Promise<unknown>;
}

/**
 * Ends a request with DTE_TIMEOUT when nothing moves any more.
 *
 * An answer arrives piece by piece, so silence of `idleMs` is its end. A body leaves in steps of what the kernel buffers, which are
 * megabytes: on a slow link there is a minute and more between two of them, and after the last one, while the coordinator receives
 * all the time. Only the coordinator knows its rate, and ends uploads that are too slow. So silence during an upload means that
 * the coordinator is asked on another connection whether it is there. If it is, the upload has `uploadAnswerMs` for each step.
 */
export function endWhenSilent(outgoing: ClientRequest, options: SilenceOptions): void {
  const { what, idleMs, isUpload, probe } = options;
  let moved = -1;
  let movedAtMs = Date.now();
  const end = (forMs: number): void => {
    outgoing.destroy(
      new DteError('DTE_TIMEOUT', `${what}: no progress for ${Math.round(forMs)} ms (DTE_HTTP_TIMEOUT_MS).`),
    );
  };
  const onSilence = async (): Promise<void> => {
    const { socket } = outgoing;
    const taken = socket === null ? 0 : takenBy(socket);
    if (taken !== moved) [moved, movedAtMs] = [taken, Date.now() - idleMs];
    const silentMs = Date.now() - movedAtMs;
    if (!isUpload || silentMs >= Math.max(idleMs, LIMITS.uploadAnswerMs.value)) {
      end(silentMs);
      return;
    }
    try {
      await probe();
    } catch {
      if (!outgoing.destroyed) end(Date.now() - movedAtMs);
      return;
    }
    // It is not set again by itself.
    outgoing.setTimeout(idleMs);
  };
  outgoing.on('timeout', () => void onSilence());
}

/** Bytes that the kernel has accepted: everything written, without what still waits in this process. */
function takenBy(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  // Node's own timeout of sockets reads this value too; without it, a large body in one piece would seem to make no progress.
  const waiting: unknown = handle instanceof Object ? Reflect.get(handle, 'writeQueueSize') : 0;
  return socket.bytesWritten - (typeof waiting === 'number' ? waiting : 0);
}
