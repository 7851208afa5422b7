import { DteError, type Hello, type LimitValues, PROTOCOL_VERSION, type Welcome } from '@org/dte-protocol';
import { makeProof, sameText } from '../auth/proof';
import type { TokenIssuer } from '../auth/token';
import type { Member } from '../session/member';
import { nameOf, type Peer } from '../session/peer';
import type { SessionRegistry } from '../session/registry';

export interface GatekeeperDeps {
  readonly secret: string | null;
  readonly limits: LimitValues;
  readonly tokens: TokenIssuer;
  readonly registry: SessionRegistry;
  readonly now: () => number;
  /** Connections open at this moment, the asking one included. */
  readonly connections: () => number;
}

/** What is known of a connection besides what its client says. */
export interface Origin {
  readonly serverNonce: string;
  readonly address: string;
  readonly loopback: boolean;
}

/** Decides who comes in, and as what. */
export class Gatekeeper {
  constructor(private readonly deps: GatekeeperDeps) {}

  /**
   * Checks a hello whose size, version and shape are right: proof, then what the session has to say, then limits.
   * Sends the welcome.
   * @throws DteError DTE_BAD_SECRET, DTE_SECRET_REQUIRED, DTE_TOO_MANY, and those of `Session.join`
   */
  async admit(peer: Peer, origin: Origin): Promise<Member> {
    const { hello } = peer;
    this.checkProof(hello, origin);
    this.checkConnections(hello);
    const session = await this.deps.registry.enter(hello.sessionId);
    return session.join(peer, () => peer.send(this.welcome(hello, origin)));
  }

  private checkProof(hello: Hello, { serverNonce, address, loopback }: Origin): void {
    const { secret } = this.deps;
    if (secret === null) {
      if (loopback) return;
      throw new DteError(
        'DTE_SECRET_REQUIRED',
        `${nameOf(hello)} connects from ${address}, and a coordinator without a secret serves its own machine only.`,
      );
    }
    if (hello.proof === null) {
      throw new DteError(
        'DTE_BAD_SECRET',
        `${nameOf(hello)} has no secret, and the coordinator asks for one.`,
      );
    }
    if (!sameText(hello.proof, makeProof(secret, 'client', serverNonce, hello))) {
      throw new DteError('DTE_BAD_SECRET', `${nameOf(hello)} has another secret than the coordinator.`);
    }
  }

  private checkConnections(hello: Hello): void {
    const { connectionsPerCoordinator } = this.deps.limits;
    if (this.deps.connections() <= connectionsPerCoordinator) return;
    throw new DteError(
      'DTE_TOO_MANY',
      `${nameOf(hello)} would be one connection more than ${connectionsPerCoordinator} (limit connectionsPerCoordinator, DTE_MAX_CONNECTIONS).`,
    );
  }

  private welcome(hello: Hello, { serverNonce }: Origin): Welcome {
    const { secret, tokens, limits, now } = this.deps;
    const { sessionId, role, clientId } = hello;
    return {
      type: 'welcome',
      proof: secret === null ? null : makeProof(secret, 'server', serverNonce, hello),
      token: tokens.issue({ sessionId, role, clientId, expiresAtMs: now() + limits.tokenMs }),
      heartbeatMs: limits.heartbeatMs,
      leaseMs: limits.leaseMs,
    };
  }
}

export const challenge = (serverNonce: string) =>
  ({ type: 'challenge', protocolVersion: PROTOCOL_VERSION, serverNonce }) as const;
