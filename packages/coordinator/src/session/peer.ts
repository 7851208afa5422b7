import type { DteError, Hello, Message } from '@org/dte-protocol';

/** A proven client as its session sees it. */
export interface Peer {
  readonly hello: Hello;
  send(message: Message): void;
  /** Bytes sent that the other side has not taken yet. */
  bufferedBytes(): number;
  /** Says why and ends the connection. */
  dismiss(error: DteError): void;
  /** Ends the connection without a word: the same client has come back on another one. */
  drop(): void;
}

/** `agent "build 2/3"`: how messages call a client. */
export const nameOf = ({ role, name }: Pick<Hello, 'role' | 'name'>): string =>
  role === 'main' ? `The main job "${name}"` : `The ${role} "${name}"`;
