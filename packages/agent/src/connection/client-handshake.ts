import {
  type Hello,
  type Welcome,
  DteError,
  PROTOCOL_VERSION,
  challengeSchema,
  decodeFirst,
  encode,
  helloAnswerSchema,
} from '@org/dte-protocol';
import { newNonce, prove, verifyServer } from './proof';

/** What a client says of itself; the rest of the hello belongs to the handshake. */
export type HelloClaims = Omit<Hello, 'type' | 'protocolVersion' | 'clientNonce' | 'proof'>;

/** The client's half of one handshake: challenge -> hello -> welcome | error. */
export interface ClientHandshake {
  /** Takes the next frame: answers with a frame to send, or with the welcome at the end. Throws DteError. */
  receive(frame: string): { send: string } | { welcome: Welcome };
}

/** @param secret proves both sides; without it neither does, and the coordinator decides whether that is enough */
export function clientHandshake(claims: HelloClaims, secret: string | undefined): ClientHandshake {
  let sent: { hello: Omit<Hello, 'proof'>; serverNonce: string } | null = null;

  return {
    receive(frame) {
      if (sent === null) {
        const { serverNonce } = decodeFirst(challengeSchema, frame);
        const hello = {
          ...claims,
          type: 'hello',
          protocolVersion: PROTOCOL_VERSION,
          clientNonce: newNonce(),
        } as const;
        sent = { hello, serverNonce };
        const proof = secret === undefined ? null : prove(secret, 'client', serverNonce, hello);
        return { send: encode({ ...hello, proof }) };
      }
      const answer = decodeFirst(helloAnswerSchema, frame);
      if (answer.type === 'error') throw new DteError(answer.reason.code, answer.reason.message);
      if (secret !== undefined) verifyServer(secret, answer, sent.serverNonce, sent.hello);
      return { welcome: answer };
    },
  };
}
