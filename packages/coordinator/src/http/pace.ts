import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DteError, type LimitValues } from '@org/dte-protocol';

export interface PaceOptions {
  readonly limits: Pick<LimitValues, 'bodyWindowMs' | 'bodyWindowBytes'>;
  /** The connection is about to be cut off, and why. */
  readonly onSlow: (error: DteError) => void;
}

/** What a request waits for. */
type Waiting = 'more of its body' | 'the reader of its answer' | 'us' | 'nothing';

/**
 * What is on its way out seems to move by what the kernel's send buffer takes at once, 1.5 MB and more: at 25 kB a second that is one
 * step a minute. So it is judged over so many windows.
 */
const WINDOWS_OUT = 10;

/**
 * Watches one request to the end of its body and its answer. Both may take as long as they take, but they have to move:
 * a body by `bodyWindowBytes` in each `bodyWindowMs` in which nothing but the other side was waited for, an answer by ten times as
 * much in ten of them. The socket has no timeout of its own meanwhile.
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
      `${request.method} ${request.url?.slice(0, 200)}: the client ${what} less than ${bodyWindowBytes * windows} bytes in ${bodyWindowMs * windows} ms (limits bodyWindowBytes and bodyWindowMs, DTE_BODY_WINDOW_BYTES and DTE_BODY_WINDOW_MS).`,
    );
    clearInterval(timer);
    options.onSlow(error);
    socket.destroy();
  };
  // A body that is ours to read, or an answer that we are still making, is not idle; that of headers has its own limit.
  socket.setTimeout(0);
  const timer = setInterval(look, bodyWindowMs).unref();
  // An answer may be given before the body is there, and then that is still to come.
  response.once('close', () => {
    if (request.complete) clearInterval(timer);
  });
  look();
}

function whatFor(request: IncomingMessage, response: ServerResponse): Waiting {
  if (request.socket.destroyed) return 'nothing';
  // What has come and is not read yet is ours to read.
  if (!request.complete) return request.readableLength > 0 ? 'us' : 'more of its body';
  if (response.writableFinished) return 'nothing';
  return response.headersSent && response.writableLength > 0 ? 'the reader of its answer' : 'us';
}

/** Bytes that the kernel has taken from us: what was written, without what still waits in this process. */
function takenBy(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  // Node's own timeout of sockets looks at it as well; without it large answers in one piece would seem to stand still.
  const waiting: unknown = handle instanceof Object ? Reflect.get(handle, 'writeQueueSize') : 0;
  return socket.bytesWritten - (typeof waiting === 'number' ? waiting : 0);
}
