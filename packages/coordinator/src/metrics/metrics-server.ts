import { DteError } from '@org/dte-protocol';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import type { Metrics } from './metrics';

/** Where the metrics can be read. */
export interface MetricsAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Connections that are open at the same time. Not configurable: there are a few scrapers, and others may wait. */
const MAX_CONNECTIONS = 32;
/** A scrape takes milliseconds. Not configurable: after it, the scraper has given up as well. */
const REQUEST_MS = 10_000;

/** The port of the metrics: a door of its own, without authentication, so that it need not be reachable where jobs are. */
export class MetricsServer {
  readonly url: string;

  private constructor(
    private readonly server: Server,
    host: string,
  ) {
    const { port } = server.address() as AddressInfo;
    this.url = `http://${isIPv6(host) ? `[${host}]` : host}:${port}/metrics`;
  }

  /** @throws DteError DTE_BAD_CONFIG if it cannot listen there */
  static async listen(metrics: Metrics, { host, port }: MetricsAddress): Promise<MetricsServer> {
    const server = createServer((request, response) => {
      const isAsked = request.url?.split('?')[0] === '/metrics' && request.method === 'GET';
      request.resume();
      if (!isAsked) {
        response.writeHead(404).end();
        return;
      }
      metrics.text().then(
        ({ body, contentType }) => response.writeHead(200, { 'content-type': contentType }).end(body),
        () => response.writeHead(500).end(),
      );
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.requestTimeout = REQUEST_MS;
    server.headersTimeout = REQUEST_MS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) =>
        reject(
          new DteError(
            'DTE_BAD_CONFIG',
            `The metrics cannot be served on ${host}:${port}: ${cause.message}.`,
            {
              cause,
            },
          ),
        ),
      );
      server.listen(port, host, resolve);
    });
    return new MetricsServer(server, host);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
      this.server.closeAllConnections();
    });
  }
}
