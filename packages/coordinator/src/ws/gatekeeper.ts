import { DteError, type Hello, type LimitValues, PROTOCOL_VERSION, type Welcome } from '@org/dte-protocol';
import type { PipelineDoor } from '../auth/pipeline-door';
import { bindingOf, makeProof, sameText } from '../auth/proof';
import type { TokenIssuer } from '../auth/token';
import type { Member } from '../session/member';
import { nameOf, type Peer } from '../session/peer';
import type { SessionRegistry } from '../session/registry';

export interface GatekeeperDeps {
  readonly secret: string | null;
  /** Null: id tokens are not looked at. */
  readonly door: PipelineDoor | null;
  readonly limits: LimitValues;
  readonly tokens: TokenIssuer;
  readonly registry: SessionRegistry;
  readonly now: () => number;
  /** Connections open at this moment that have proven whom they belong to, the asking one included. */
  readonly connections: () => number;
}

/** What is known of a connection besides what its client says. */
export interface Origin {
  readonly serverNonce: string;
  readonly address: string;
  readonly loopback: boolean;
  /** See `channelOf`. */
  readonly channel: string | null;
}

/** Decides who comes in, and as what. */
export class Gatekeeper {
  constructor(private readonly deps: GatekeeperDeps) {}

  /**
   * Checks the credentials of a hello whose size, version and shape are right: secret first, which costs nothing, then
   * id token. With neither configured only this machine is served.
   * @returns what the session is filed under that the client may enter
   * @throws DteError DTE_BAD_SECRET, DTE_SECRET_REQUIRED, DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async identify(hello: Hello, origin: Origin): Promise<string> {
    const { secret, door } = this.deps;
    if (secret !== null) this.checkProof(secret, hello, origin);
    if (door !== null) return door.admit(hello);
    if (secret === null && !origin.loopback) {
      throw new DteError(
        'DTE_SECRET_REQUIRED',
        `${nameOf(hello)} connects from ${origin.address}, and a coordinator without a secret and without issuers of id tokens serves its own machine only.`,
      );
    }
    return hello.sessionId;
  }

  /**
   * Takes an identified client in, or says what the session has against it; then limits. Sends the welcome.
   * @throws DteError DTE_TOO_MANY, and those of `Session.join`
   */
  async admit(sessionKey: string, peer: Peer, origin: Origin): Promise<Member> {
    const { hello } = peer;
    this.checkConnections(hello);
    const session = await this.deps.registry.enter(sessionKey);
    return session.join(peer, () => peer.send(this.welcome(sessionKey, hello, origin)));
  }

  /** Where to note that a client was refused before it was identified; null: nowhere. */
  claimedKey(sessionId: string): string | null {
    const { door } = this.deps;
    return door === null ? sessionId : door.claimedKey(sessionId);
  }

  private checkProof(secret: string, hello: Hello, { serverNonce, channel }: Origin): void {
    const bad = (what: string): DteError => new DteError('DTE_BAD_SECRET', `${nameOf(hello)} ${what}.`);
    if (hello.proof === null) throw bad('has no secret, and the coordinator asks for one');
    const bound = hello.channelBinding === 'tls-exporter';
    if (!bound && channel !== null)
      throw bad('did not bind its proof to the TLS connection, so it may have been made for somebody else');
    if (bound && channel === null)
      throw bad('bound its proof to a TLS connection that does not end at the coordinator');
    const expected = makeProof(secret, 'client', serverNonce, hello, bindingOf(hello, channel));
    if (!sameText(hello.proof, expected)) throw bad('has another secret than the coordinator');
  }

  private checkConnections(hello: Hello): void {
    const { connectionsPerCoordinator } = this.deps.limits;
    if (this.deps.connections() <= connectionsPerCoordinator) return;
    throw new DteError(
      'DTE_TOO_MANY',
      `${nameOf(hello)} would be one connection more than ${connectionsPerCoordinator} (limit connectionsPerCoordinator, DTE_MAX_CONNECTIONS).`,
    );
  }

  private welcome(sessionKey: string, hello: Hello, { serverNonce, channel }: Origin): Welcome {
    const { secret, door, tokens, limits, now } = this.deps;
    const { role, clientId } = hello;
    const proof =
      secret === null ? null : makeProof(secret, 'server', serverNonce, hello, bindingOf(hello, channel));
    return {
      type: 'welcome',
      proof,
      token: tokens.issue({ sessionId: sessionKey, role, clientId, expiresAtMs: now() + limits.tokenMs }),
      ...(door === null ? {} : { idToken: door.ownToken }),
      heartbeatMs: limits.heartbeatMs,
      leaseMs: limits.leaseMs,
    };
  }
}

export const challenge = (serverNonce: string, channel: string | null) =>
  ({
    type: 'challenge',
    protocolVersion: PROTOCOL_VERSION,
    serverNonce,
    ...(channel === null ? {} : { channelBinding: 'tls-exporter' as const }),
  }) as const;
