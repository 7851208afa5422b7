import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { waitFor } from '@org/dte-testing';
import { type Harness } from './harness';

/** A bare socket of an unauthenticated client. */
export interface Stranger {
  readonly socket: Socket;
  /** Everything that the client has received. */
  heard(): string;
  isClosed(): boolean;
}

const opened: Socket[] = [];

/** Connects and sends this data, which may be empty. */
export async function stranger(
  { coordinator }: Pick<Harness, 'coordinator'>,
  words = '',
  from = '127.0.0.1',
): Promise<Stranger> {
  const options = { host: '127.0.0.1', port: coordinator.port, localAddress: from, allowHalfOpen: true };
  const socket = connect(options);
  opened.push(socket);
  let heard = '';
  let isClosed = false;
  socket.on('data', (data) => (heard += data.toString('latin1')));
  // A half-open client would not notice by itself that the other side has closed.
  socket.on('end', () => (isClosed = true));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  await once(socket, 'connect');
  if (words !== '') socket.write(words, 'latin1');
  return { socket, heard: () => heard, isClosed: () => isClosed };
}

/** The start of a WebSocket. */
export const UPGRADE = [
  'GET /v1/connect HTTP/1.1',
  'host: x',
  'connection: upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
  '\r\n',
].join('\r\n');

/** A WebSocket that never says hello. */
export async function mute(harness: Harness, from?: string): Promise<Stranger> {
  const client = await stranger(harness, UPGRADE, from);
  await waitFor(
    'the challenge or the end',
    () => client.heard().includes('"challenge"') || client.isClosed(),
  );
  return client;
}

/** Sends one byte after another until it is disconnected. Resolves with the number of bytes sent. */
export async function drip({ socket, isClosed }: Stranger, everyMs: number): Promise<number> {
  let said = 0;
  const timer = setInterval(() => {
    if (!socket.writable) return;
    socket.write('x');
    said += 1;
  }, everyMs);
  try {
    await waitFor('somebody who says one byte after the other to be cut off', isClosed);
    return said;
  } finally {
    clearInterval(timer);
  }
}

/** Call this after each test. */
export function sendStrangersAway(): void {
  for (const socket of opened.splice(0)) socket.destroy();
}
