import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DteError } from '@org/dte-protocol';
import { watchPace } from './pace';

const limits = { bodyWindowMs: 1_000, bodyWindowBytes: 100 };

/** The checked parts of a request and its answer; a test advances them. */
function exchange() {
  const socket = {
    bytesRead: 0,
    bytesWritten: 0,
    destroyed: false,
    _handle: { writeQueueSize: 0 },
    destroy: () => void (socket.destroyed = true),
    timeoutMs: 60_000,
    setTimeout: (ms: number) => void (socket.timeoutMs = ms),
  };
  const request = { method: 'PUT', url: '/v1/cache/1', socket, complete: false, readableLength: 0 };
  const response = Object.assign(new EventEmitter(), {
    headersSent: false,
    writableLength: 0,
    writableFinished: false,
  });
  const slow: DteError[] = [];
  const onSlow = (error: DteError): void => void slow.push(error);
  watchPace(request as unknown as IncomingMessage, response as unknown as ServerResponse, { limits, onSlow });
  return { socket, request, response, slow };
}

describe('the pace of a request', () => {
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => {
    expect(jest.getTimerCount()).toBeLessThanOrEqual(1);
    jest.useRealTimers();
  });
  const window = () => jest.advanceTimersByTime(limits.bodyWindowMs);

  it.each([
    [99, true],
    [100, false],
    [101, false],
  ])('a body of %i bytes in a window: cut off is %s', (bytes, isCut) => {
    const { socket, slow } = exchange();
    socket.bytesRead += bytes;
    window();
    expect(socket.destroyed).toBe(isCut);
    expect(slow.map(({ code }) => code)).toEqual(isCut ? ['DTE_TIMEOUT'] : []);
  });

  it('judges every window separately', () => {
    const { socket } = exchange();
    for (let windows = 0; windows < 1_000; windows++) {
      socket.bytesRead += 100;
      window();
    }
    expect(socket.destroyed).toBe(false);
    socket.bytesRead += 99;
    window();
    expect(socket.destroyed).toBe(true);
  });

  it('does not count a window in which the body waited to be read', () => {
    const { socket, request } = exchange();
    request.readableLength = 10;
    for (let windows = 0; windows < 10; windows++) window();
    request.readableLength = 0;
    window();
    expect(socket.destroyed).toBe(false);
    window();
    expect(socket.destroyed).toBe(true);
  });

  it('does not count the time in which the answer is being produced', () => {
    const { socket, request, response } = exchange();
    request.complete = true;
    for (let windows = 0; windows < 10; windows++) window();
    expect(socket.destroyed).toBe(false);
    response.writableFinished = true;
    response.emit('close');
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    [999, true],
    [1_000, false],
  ])('an answer of which %i bytes are taken in ten windows, at once: cut off is %s', (bytes, isCut) => {
    const { socket, request, response } = exchange();
    Object.assign(request, { complete: true });
    Object.assign(response, { headersSent: true, writableLength: 5_000 });
    Object.assign(socket, { bytesWritten: 5_000, _handle: { writeQueueSize: 5_000 } });
    for (let windows = 0; windows < 10; windows++) window();
    expect(socket.destroyed).toBe(false);
    socket._handle.writeQueueSize -= bytes;
    window();
    expect(socket.destroyed).toBe(isCut);
  });

  it('replaces the timeout of the socket, which knows nothing of windows', () => {
    expect(exchange().socket.timeoutMs).toBe(0);
  });

  it('continues for a body that is still arriving after its answer', () => {
    const { socket, response } = exchange();
    response.writableFinished = true;
    response.emit('close');
    window();
    expect(socket.destroyed).toBe(true);
  });

  it('ends with the connection', () => {
    const { socket } = exchange();
    socket.destroyed = true;
    window();
    expect(jest.getTimerCount()).toBe(0);
  });
});
