import { makeProof, newNonce } from '@org/dte-identity';
import {
  type Challenge,
  type Handshake,
  type Hello,
  type Welcome,
  PROTOCOL_VERSION,
  UNBOUND,
  challengeSchema,
  decodeFirst,
  encode,
  helloAnswerSchema,
} from '@org/dte-protocol';
import { refusalOf, verifyServer } from './proof';

/** What a client says of itself; the rest of the hello belongs to the handshake. */
export type HelloClaims = Omit<
  Hello,
  'type' | 'protocolVersion' | 'clientNonce' | 'proof' | 'idToken' | 'sessionToken' | 'channelBinding'
>;

/** How both sides know each other. */
export interface Credentials {
  /** DTE_SECRET; the coordinator is refused when it cannot prove that it knows it too. */
  readonly secret?: string | undefined;
  /** GitLab's id token of this job. */
  readonly idToken?: string | undefined;
  /**
   * Judges the id token of the coordinator's own job; null when it has shown none. Asked once per pinned key, and on each
   * connection where there is none.
   * @throws DteError DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  readonly verifyCoordinator?: ((idToken: string | null) => Promise<void>) | undefined;
}

/** What the handshake needs to know of the connection below it. */
export interface Channel {
  /** Hex of its keying material; null without TLS. */
  readonly exported: string | null;
  readonly pinned: boolean;
  /** The holder of this very key has been verified before: its id token may have expired meanwhile. */
  readonly verified: boolean;
  /** The token of the last welcome: so may the client's. */
  readonly sessionToken: string | null;
}

/** The client's half of one handshake: challenge -> hello -> welcome | error. */
export interface ClientHandshake {
  /** Takes the next frame: answers with a frame to send, or with the welcome at the end. Throws DteError. */
  receive(frame: string): { send: string } | { welcome: Welcome };
  /** Whether the one who sent the welcome is who it should be, as far as that takes time. Throws DteError. */
  verify(welcome: Welcome): Promise<void>;
}

/**
 * With a pin our TLS ends at the coordinator itself, so the proof is bound to it whatever the coordinator says. Without,
 * a proxy may end the TLS, and only the coordinator knows: it says so, and refuses an unbound proof if its own socket is
 * TLS, so that nobody in the middle gains by changing what it says.
 */
const isBound = (challenge: Challenge, { exported, pinned }: Channel): boolean =>
  exported !== null && (pinned || challenge.channelBinding === 'tls-exporter');

export function clientHandshake(
  claims: HelloClaims,
  credentials: Credentials,
  channel: Channel,
): ClientHandshake {
  const { secret, idToken, verifyCoordinator } = credentials;
  let sent: Handshake | null = null;

  return {
    receive(frame) {
      if (sent === null) {
        const challenge = decodeFirst(challengeSchema, frame);
        const bound = isBound(challenge, channel);
        const hello = {
          ...claims,
          type: 'hello',
          protocolVersion: PROTOCOL_VERSION,
          clientNonce: newNonce(),
          channelBinding: bound ? 'tls-exporter' : 'none',
          ...(idToken === undefined ? {} : { idToken }),
          ...(channel.sessionToken === null ? {} : { sessionToken: channel.sessionToken }),
        } as const;
        sent = { challenge, hello, channel: (bound ? channel.exported : null) ?? UNBOUND };
        const proof = secret === undefined ? null : makeProof(secret, { speaker: 'client' }, sent);
        return { send: encode({ ...hello, proof }) };
      }
      const answer = decodeFirst(helloAnswerSchema, frame);
      if (answer.type === 'error') throw refusalOf(secret, answer, sent);
      if (secret !== undefined) verifyServer(secret, answer, sent);
      return { welcome: answer };
    },
    async verify(welcome) {
      if (!channel.verified) await verifyCoordinator?.(welcome.idToken ?? null);
    },
  };
}
