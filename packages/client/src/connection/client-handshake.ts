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

/** The client's part of the hello; the handshake fills in the rest. */
export type HelloClaims = Omit<
  Hello,
  'type' | 'protocolVersion' | 'clientNonce' | 'proof' | 'idToken' | 'sessionToken' | 'channelBinding'
>;

/** How the two sides authenticate each other. */
export interface Credentials {
  /** DTE_SECRET; a coordinator that cannot prove that it knows it is rejected. */
  readonly secret?: string | undefined;
  /** GitLab's id token of this job. */
  readonly idToken?: string | undefined;
  /** CA certificates (PEM) that vouch for a coordinator without a pinned key, in addition to the usual ones. */
  readonly authorities?: readonly string[] | undefined;
  /**
   * Verifies the id token of the coordinator's own job; null if it has presented none. Called once per pinned key, and
   * for each connection without one.
   * @throws DteError DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  readonly verifyCoordinator?: ((idToken: string | null) => Promise<void>) | undefined;
}

/** What the handshake needs to know about its connection. */
export interface Channel {
  /** Hex of its keying material; null without TLS. */
  readonly exported: string | null;
  readonly pinned: boolean;
  /** The holder of this key was verified before: its id token may have expired since. */
  readonly verified: boolean;
  /** The token of the last welcome: the client's id token may have expired too. */
  readonly sessionToken: string | null;
}

/** The client's half of one handshake: challenge -> hello -> welcome | error. */
export interface ClientHandshake {
  /** Takes the next frame: returns a frame to send, or the welcome at the end. Throws DteError. */
  receive(frame: string): { send: string } | { welcome: Welcome };
  /** Verifies the sender of the welcome, if that takes time. Throws DteError. */
  verify(welcome: Welcome): Promise<void>;
}

/**
 * With a pin, our TLS ends at the coordinator itself, so the proof is bound to it whatever the coordinator claims.
 * Without a pin, a proxy may terminate TLS, and only the coordinator knows that. It announces it, and rejects an
 * unbound proof if its own socket is TLS, so an attacker in the middle gains nothing by changing the announcement.
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
