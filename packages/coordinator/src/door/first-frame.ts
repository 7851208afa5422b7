import type { WebSocket } from 'ws';

/** What of ws is touched: its receiver looks at this when it has read the header of a frame. */
interface Receiver {
  _maxPayload?: unknown;
}

/**
 * Sets how large a message of this one WebSocket may be, from the next frame header on. ws knows one size for all connections
 * of a server, said when it is made, and has no other way to tell those apart that are not authenticated: with the size of
 * the server everybody may make us hold as much. Whoever uses this gives the server the larger size, so that a later ws
 * without this field is merely less careful (a spec looks whether ours has it).
 * @returns whether ws has it
 */
export function limitMessages(socket: WebSocket, bytes: number): boolean {
  const receiver = Reflect.get(socket, '_receiver') as Receiver | null | undefined;
  if (typeof receiver?._maxPayload !== 'number') return false;
  receiver._maxPayload = bytes;
  return true;
}
