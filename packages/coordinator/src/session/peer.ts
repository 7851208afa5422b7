import type { DteError, Hello, Message } from '@org/dte-protocol';
import type { CacheGrant } from '../auth/cache-grant';

/** An authenticated client as its session sees it. */
export interface Peer {
  readonly hello: Hello;
  /** What it may do with the shared cache; null or omitted: nothing. */
  readonly grant?: CacheGrant | null;
  send(message: Message): void;
  /** Bytes sent that the other side has not received yet. */
  bufferedBytes(): number;
  /** Sends the reason and closes the connection. */
  dismiss(error: DteError): void;
  /** Closes the connection without a message: the same client has reconnected. */
  drop(): void;
}

/** `agent "build 2/3"`: how messages name a client. */
export const nameOf = ({ role, name }: Pick<Hello, 'role' | 'name'>): string =>
  role === 'main' ? `The main job "${name}"` : `The ${role} "${name}"`;
