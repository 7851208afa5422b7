import type { WebSocket } from 'ws';

/** The field of ws that is set: its receiver reads it after the header of a frame. */
interface Receiver {
  _maxPayload?: unknown;
}

/**
 * Sets the maximum message size of this WebSocket, from the next frame header on. ws has one size for all connections
 * of a server, set at its creation, and no other way to treat unauthenticated connections differently: with the
 * server's size, every client could make us hold that much. Set the larger size for the server, so that a later ws
 * without this field is merely less strict (a spec checks that ours has it).
 * @returns whether ws has the field
 */
export function limitMessages(socket: WebSocket, bytes: number): boolean {
  const receiver = Reflect.get(socket, '_receiver') as Receiver | null | undefined;
  if (typeof receiver?._maxPayload !== 'number') return false;
  receiver._maxPayload = bytes;
  return true;
}
