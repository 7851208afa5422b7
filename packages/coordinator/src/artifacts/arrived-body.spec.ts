import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { arrivedBody } from './upload';

const MAX = { maxBytes: 1e9 };

let server: Server;
let socket: Socket;
beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
});
afterEach(async () => {
  socket.destroy();
  server.close();
  await once(server, 'close');
});

/** The next request, once what was sent with its headers is there. */
async function requestOf(sent: string): Promise<[IncomingMessage, ServerResponse]> {
  socket.write(sent);
  const next = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
  await new Promise((resolve) => setImmediate(resolve));
  return next;
}

const put = (headers: string, body: string): string =>
  `PUT / HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n${body}`;

describe('a small upload', () => {
  it('is taken in one piece if all has arrived, and so is the next one of its connection', async () => {
    for (const content of ['first', 'second']) {
      const [request, response] = await requestOf(put(`content-length: ${content.length}`, content));
      const body = arrivedBody(request, { expectedBytes: content.length, ...MAX });
      expect(body?.toString()).toBe(content);
      const ended = once(request, 'end');
      response.end();
      await ended;
      await once(socket, 'data');
    }
  });

  it.each([
    ['a part has arrived', 'content-length: 9', 'first', 9, 1e9],
    ['it is too large', 'content-length: 5', 'first', 5, 4],
    ['nothing is announced', 'transfer-encoding: chunked', '5\r\nfirst\r\n', null, 1e9],
    ['chunks follow', 'transfer-encoding: chunked', '5\r\nfirst\r\n', 5, 1e9],
    ['it is empty', 'content-length: 0', '', 0, 1e9],
  ])('is left as it is if %s', async (_why, headers, content, expectedBytes, maxBytes) => {
    const [request] = await requestOf(put(headers, content));
    expect(arrivedBody(request, { expectedBytes, maxBytes })).toBeNull();
    expect(request.readableFlowing).toBeNull();
    expect(request.readableLength).toBe(content === '' ? 0 : 5);
  });

  it('is left to somebody who reads it already', async () => {
    const [request] = await requestOf(put('content-length: 5', 'first'));
    const reading = text(request);
    expect(arrivedBody(request, { expectedBytes: 5, ...MAX })).toBeNull();
    expect(await reading).toBe('first');
  });
});
