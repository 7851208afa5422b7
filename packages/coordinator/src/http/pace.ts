import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DteError, type LimitValues } from '@org/dte-protocol';

export interface PaceOptions {
  readonly limits: Pick<LimitValues, 'bodyWindowMs' | 'bodyWindowBytes'>;
  /** The connection is about to be closed, and why. */
  readonly onSlow: (error: DteError) => void;
}

/** What a request is waiting for. */
type Waiting = 'more of its body' | 'the reader of its answer' | 'us' | 'nothing';

/**
 * Outgoing data seems to advance in steps of the kernel's send buffer, 1.5 MB and more: at 25 kB per second, that is
 * one step a minute. So outgoing data is judged over this many windows.
 */
const WINDOWS_OUT = 10;

/**
 * Watches one request to the end of its body and its answer. Both may take any time, but they must make progress: a
 * body by `bodyWindowBytes` in each `bodyWindowMs` in which only the other side was waited for, an answer by ten times
 * as much in ten of them. During that time the socket has no timeout of its own.
 */
export function watchPace(request: IncomingMessage, response: ServerResponse, options: PaceOptions): void {
  const { bodyWindowMs, bodyWindowBytes } = options.limits;
  const { socket } = request;
  let since: { waiting: Waiting; moved: number; windows: number } | null = null;
  const look = (): void => {
    const waiting = whatFor(request, response);
    if (waiting === 'nothing') clearInterval(timer);
    const moved = waiting === 'more of its body' ? socket.bytesRead : takenBy(socket);
    if (since?.waiting !== waiting || waiting === 'us' || waiting === 'nothing') {
      since = { waiting, moved, windows: 0 };
      return;
    }
    since.windows += 1;
    const windows = waiting === 'more of its body' ? 1 : WINDOWS_OUT;
    if (since.windows < windows) return;
    if (moved - since.moved < bodyWindowBytes * windows) cutOff(waiting, windows);
    since = { waiting, moved, windows: 0 };
  };
  const cutOff = (waiting: Waiting, windows: number): void => {
    const what = waiting === 'more of its body' ? 'sent' : 'took';
    const error = new DteError(
      'DTE_TIMEOUT',
      `${request.method} ${request.url?.split('?', 1)[0]?.slice(0, 200)}: the client ${what} less than ${bodyWindowBytes * windows} bytes in ${bodyWindowMs * windows} ms (limits bodyWindowBytes and bodyWindowMs, DTE_BODY_WINDOW_BYTES and DTE_BODY_WINDOW_MS).`,
    );
    clearInterval(timer);
    options.onSlow(error);
    socket.destroy();
  };
  // A body that we have yet to read, or an answer that we are still producing, is not idle. Headers have their own limit.
  socket.setTimeout(0);
  const timer = setInterval(look, bodyWindowMs).unref();
  // An answer may be sent before the body has arrived; then the body is still expected.
  response.once('close', () => {
    if (request.complete) clearInterval(timer);
  });
  look();
}

function whatFor(request: IncomingMessage, response: ServerResponse): Waiting {
  if (request.socket.destroyed) return 'nothing';
  // Data that has arrived but is not read yet is our turn.
  if (!request.complete) return request.readableLength > 0 ? 'us' : 'more of its body';
  if (response.writableFinished) return 'nothing';
  return response.headersSent && response.writableLength > 0 ? 'the reader of its answer' : 'us';
}

/** Bytes that the kernel has accepted from us: everything written, without what still waits in this process. */
function takenBy(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  // Node's own socket timeout reads this value too; without it, large answers in one piece would seem to make no progress.
  const waiting: unknown = handle instanceof Object ? Reflect.get(handle, 'writeQueueSize') : 0;
  return socket.bytesWritten - (typeof waiting === 'number' ? waiting : 0);
}
