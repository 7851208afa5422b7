import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { readLimits } from '@org/dte-protocol';
import { waitFor } from '@org/dte-testing';
import { type Tunnel, openTunnel } from './tunnel';

const { limits } = readLimits({});
let tunnel: Tunnel;
let far: Server;
const sockets: Socket[] = [];

beforeEach(async () => {
  tunnel = await openTunnel(limits);
});
afterEach(async () => {
  tunnel.close();
  tunnel.close();
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise((resolve) => far.close(resolve));
});

/** The far end; plain, because only the dial function uses TLS. */
async function farEnd(onSocket: (socket: Socket) => void): Promise<void> {
  far = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    onSocket(socket.on('error', () => undefined));
  });
  await once(far.listen(0, '127.0.0.1'), 'listening');
  const { port } = far.address() as AddressInfo;
  tunnel.pointTo({ urls: [`http://127.0.0.1:${port}`], pin: null });
}

function nearEnd(): Socket {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(tunnel.url).port), allowHalfOpen: true });
  sockets.push(socket);
  return socket;
}

/** Everything up to the end. (An async iterator would end the other direction as well.) */
const read = (socket: Socket): Promise<Buffer> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket
      .on('data', (chunk: Buffer) => chunks.push(chunk))
      .once('end', () => resolve(Buffer.concat(chunks)));
  });

/** Resolves when it is closed, for any reason. */
const gone = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => undefined).once('close', () => resolve());
    socket.resume();
  });

const BIG = Buffer.alloc(8 * 1024 * 1024, 'abcdefg');

it('carries everything both ways, to the last byte before an end', async () => {
  let received: Buffer = Buffer.alloc(0);
  await farEnd((socket) => {
    void read(socket).then((data) => {
      received = data;
      socket.end(BIG);
    });
  });
  const near = nearEnd();
  near.end(BIG);
  const answer = await read(near);
  expect(received.equals(BIG)).toBe(true);
  expect(answer.equals(BIG)).toBe(true);
});

it('delivers an answer to a slow reader after the other end has closed', async () => {
  await farEnd((socket) => socket.end(BIG));
  const near = nearEnd();
  near.write('?');
  await once(near, 'readable');
  expect((await read(near)).length).toBe(BIG.length);
});

it('disconnects one side when the other is disconnected', async () => {
  await farEnd((socket) => {
    socket.write('half of an ans');
    socket.once('data', () => socket.resetAndDestroy());
  });
  const near = nearEnd();
  const ended = gone(near);
  near.write('?');
  await ended;
  expect(near.readableEnded).toBe(false);
});

it('disconnects its connections when it is closed, and accepts no more', async () => {
  await farEnd((socket) => socket.resume());
  const near = nearEnd();
  const ended = gone(near);
  await waitFor('the far end', () => sockets.length === 2);
  tunnel.close();
  await ended;
  const late = nearEnd();
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

it('closes a connection at once when it cannot reach the target', async () => {
  await farEnd(() => undefined);
  tunnel.pointTo({ urls: ['http://127.0.0.1:1'], pin: null });
  const near = nearEnd();
  await gone(near);
  expect(near.bytesRead).toBe(0);
});
