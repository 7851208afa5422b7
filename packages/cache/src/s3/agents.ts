import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { NetConnectOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions, rootCertificates } from 'node:tls';
import { OLDEST_TLS } from '@org/dte-identity';
import { CONNECTIONS } from './limits';

type ThroughProxy = (target: URL) => Promise<Duplex> | null;
type Done = (error: Error | null, socket?: Duplex) => void;

/** The method that both of Node's agents open connections with; its types lack it. */
interface Opening {
  createConnection(options: NetConnectOpts & ConnectionOptions, done: Done): Duplex | undefined;
}

/** Makes an agent open its connections through a proxy where there is one. */
function through<A extends HttpAgent>(agent: A, protocol: 'http' | 'https', throughProxy: ThroughProxy): A {
  const opening = agent as unknown as Opening;
  const directly = opening.createConnection.bind(agent);
  opening.createConnection = (options, done) => {
    const { host = '', port = '' } = options as { host?: string; port?: number | string };
    const name = host.includes(':') ? `[${host}]` : host;
    const tunnel = throughProxy(new URL(`${protocol}://${name}:${port}`));
    if (tunnel === null) return directly(options, done);
    tunnel.then(
      (socket) => done(null, protocol === 'http' ? socket : connect({ ...options, socket })),
      (thrown: unknown) => done(thrown as Error),
    );
    return undefined;
  };
  return agent;
}

export interface Ways {
  /** CA certificates (PEM) that are trusted in addition to the usual ones. */
  readonly authorities: readonly string[];
  readonly throughProxy: ThroughProxy;
}

/** How the SDK connects, to the bucket and to where it gets credentials. */
export function agentsOf({ authorities, throughProxy }: Ways): {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
} {
  const connections: AgentOptions = { keepAlive: true, maxSockets: CONNECTIONS };
  const secure = new HttpsAgent({
    ...connections,
    minVersion: OLDEST_TLS,
    // Authorities that are passed replace the usual ones.
    ...(authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] }),
  });
  return {
    httpAgent: through(new HttpAgent(connections), 'http', throughProxy),
    httpsAgent: through(secure, 'https', throughProxy),
  };
}
