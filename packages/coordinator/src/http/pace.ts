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
 * Watches one request to the end of its body and its answer. Both may take as long as they take, but they have to move:
 * by `bodyWindowBytes` in each `bodyWindowMs` in which nothing but the other side was waited for. (That no byte at all
 * moves is found out as well by the timeout of the socket; one byte a second keeps that content for ever.)
 */
export function watchPace(request: IncomingMessage, response: ServerResponse, options: PaceOptions): void {
  const { bodyWindowMs, bodyWindowBytes } = options.limits;
  const { socket } = request;
  let before: { waiting: Waiting; moved: number } | null = null;
  const look = (): void => {
    const waiting = whatFor(request, response);
    if (waiting === 'nothing') clearInterval(timer);
    const moved = waiting === 'more of its body' ? socket.bytesRead : takenBy(socket);
    const isOthers = waiting === 'more of its body' || waiting === 'the reader of its answer';
    if (isOthers && before?.waiting === waiting && moved - before.moved < bodyWindowBytes) cutOff(waiting);
    before = { waiting, moved };
  };
  const cutOff = (waiting: Waiting): void => {
    const what = waiting === 'more of its body' ? 'sent' : 'took';
    const error = new DteError(
      'DTE_TIMEOUT',
      `${request.method} ${request.url?.slice(0, 200)}: the client ${what} less than ${bodyWindowBytes} bytes in ${bodyWindowMs} ms (limits bodyWindowBytes and bodyWindowMs, DTE_BODY_WINDOW_BYTES and DTE_BODY_WINDOW_MS).`,
    );
    clearInterval(timer);
    options.onSlow(error);
    socket.destroy();
  };
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
