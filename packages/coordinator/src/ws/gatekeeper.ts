import { isProof, makeProof } from '@org/dte-identity';
import {
  type Challenge,
  DteError,
  type Handshake,
  type Hello,
  type LimitValues,
  PROTOCOL_VERSION,
  type Refusal,
  UNBOUND,
  type Welcome,
} from '@org/dte-protocol';
import type { Admission, PipelineDoor } from '../auth/pipeline-door';
import type { TokenIssuer } from '../auth/token';
import type { TrustDomain } from '../auth/trust-domain';
import type { Member } from '../session/member';
import { nameOf, type Peer } from '../session/peer';
import type { SessionRegistry } from '../session/registry';

export interface GatekeeperDeps {
  readonly secret: string | null;
  /** Null: id tokens are ignored. */
  readonly door: PipelineDoor | null;
  /** Restricts clients that have only a secret; null: they may join any session. */
  readonly trust: TrustDomain | null;
  /** The only session that is served; null: any. */
  readonly session: string | null;
  /** Listens on an address that other machines can reach. */
  readonly reachable: boolean;
  readonly limits: LimitValues;
  readonly tokens: TokenIssuer;
  readonly registry: SessionRegistry;
  readonly now: () => number;
  /** Number of open authenticated connections, including the one that asks. */
  readonly connections: () => number;
}

/** What is known about a connection apart from the client's messages. */
export interface Origin {
  readonly challenge: Challenge;
  readonly address: string;
  readonly loopback: boolean;
  /** See `channelOf`. */
  readonly channel: string | null;
}

/** Decides who may connect, and with which role. */
export class Gatekeeper {
  constructor(private readonly deps: GatekeeperDeps) {}

  /**
   * Checks the secret of a hello whose size, version and shape are valid, which is cheap. With neither secret nor
   * issuers, only this machine is served.
   * @throws DteError DTE_BAD_SECRET, DTE_SECRET_REQUIRED
   */
  checkSecret(hello: Hello, origin: Origin): void {
    const { secret, door } = this.deps;
    if (secret !== null) this.checkProof(secret, hello, origin);
    else if (door === null && !origin.loopback) {
      throw new DteError(
        'DTE_SECRET_REQUIRED',
        `${nameOf(hello)} connects from ${origin.address}, but a coordinator without a secret and without issuers of id tokens serves only its own machine.`,
      );
    }
  }

  /**
   * Checks which session a client with a valid secret may join. Without id tokens, nothing of the shared cache comes with it.
   * @throws DteError DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE, DTE_SHARED_TRUST, DTE_UNAUTHORIZED (of another
   * session)
   */
  async identify(hello: Hello, { loopback }: Origin): Promise<Admission> {
    const { secret, door, trust, session, reachable } = this.deps;
    const admission = door === null ? { sessionKey: hello.sessionId, grant: null } : await door.admit(hello);
    if (session !== null && hello.sessionId !== session) {
      throw new DteError(
        'DTE_UNAUTHORIZED',
        `${nameOf(hello)} requests session ${hello.sessionId}, but this coordinator serves only session ${session}.`,
      );
    }
    // A client on the coordinator's own machine runs as its user anyway and could do the same.
    if (secret !== null && door === null && (reachable || !loopback)) await trust?.admit(hello);
    return admission;
  }

  /**
   * Lets an authenticated client join, or throws the session's objection; then checks limits. Sends the welcome.
   * @throws DteError DTE_TOO_MANY, and those of `Session.join`
   */
  async admit(admission: Admission, peer: Peer, origin: Origin): Promise<Member> {
    const { hello } = peer;
    this.checkConnections(hello);
    const session = await this.deps.registry.enter(admission.sessionKey);
    return session.join(peer, () => peer.send(this.welcome(admission, hello, origin)));
  }

  /** The rejection of a client that has proven the secret, with the coordinator's own proof. */
  signed(refusal: Refusal, hello: Hello, origin: Origin): Refusal {
    const { secret } = this.deps;
    if (secret === null) return refusal;
    return {
      ...refusal,
      proof: makeProof(secret, { speaker: 'server', answer: refusal }, of(hello, origin)),
    };
  }

  /** Where to record that a client was rejected before it was authenticated; null: nowhere. */
  claimedKey(sessionId: string): string | null {
    const { door } = this.deps;
    return door === null ? sessionId : door.claimedKey(sessionId);
  }

  private checkProof(secret: string, hello: Hello, origin: Origin): void {
    const { channel } = origin;
    const bad = (what: string): DteError => new DteError('DTE_BAD_SECRET', `${nameOf(hello)} ${what}.`);
    if (hello.proof === null) throw bad('has no secret, and the coordinator requires one');
    const bound = hello.channelBinding === 'tls-exporter';
    if (!bound && channel !== null)
      throw bad(
        'did not bind its proof to the TLS connection, so the proof may have been made for another connection',
      );
    if (bound && channel === null)
      throw bad('bound its proof to a TLS connection that does not end at the coordinator');
    if (!isProof(hello.proof, secret, { speaker: 'client' }, of(hello, origin)))
      throw bad('has a different secret than the coordinator');
  }

  private checkConnections(hello: Hello): void {
    const { connectionsPerCoordinator } = this.deps.limits;
    if (this.deps.connections() <= connectionsPerCoordinator) return;
    throw new DteError(
      'DTE_TOO_MANY',
      `${nameOf(hello)} exceeds ${connectionsPerCoordinator} connections (limit connectionsPerCoordinator, DTE_MAX_CONNECTIONS).`,
    );
  }

  private welcome({ sessionKey, grant }: Admission, hello: Hello, origin: Origin): Welcome {
    const { secret, door, tokens, limits, now } = this.deps;
    const { role, clientId } = hello;
    const expiresAtMs = now() + limits.tokenMs;
    const answer = {
      type: 'welcome' as const,
      token: tokens.issue({ sessionId: sessionKey, role, clientId, expiresAtMs, grant }),
      ...(door === null ? {} : { idToken: door.ownToken }),
      heartbeatMs: limits.heartbeatMs,
      leaseMs: limits.leaseMs,
    };
    const proof =
      secret === null ? null : makeProof(secret, { speaker: 'server', answer }, of(hello, origin));
    return { ...answer, proof };
  }
}

const of = (hello: Hello, { challenge, channel }: Origin): Handshake => ({
  challenge,
  hello,
  channel: channel ?? UNBOUND,
});

export const makeChallenge = (serverNonce: string, channel: string | null): Challenge => ({
  type: 'challenge',
  protocolVersion: PROTOCOL_VERSION,
  serverNonce,
  ...(channel === null ? {} : { channelBinding: 'tls-exporter' as const }),
});
