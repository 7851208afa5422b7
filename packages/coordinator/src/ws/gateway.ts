import type { IncomingMessage, Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { channelOf, isUnboundTls } from '@org/dte-identity';
import { HTTP, LIMITS } from '@org/dte-protocol';
import { WebSocketServer } from 'ws';
import { isLoopback } from '../auth/loopback';
import { limitMessages } from '../door/first-frame';
import { Connection, type ConnectionDeps } from './connection';

export interface GatewayDeps extends Omit<ConnectionDeps, 'onEnded' | 'onAuthenticated'> {
  /** The client of this socket is authenticated. */
  readonly onAuthenticated: (socket: Socket) => void;
}

/** Interval at which a closing gateway looks whether all clients have left. No limit: how long it waits is `closeMs`. */
const CLOSE_POLL_MS = 10;

/** The WebSocket side of the port: takes upgrades and keeps the connections. */
export class Gateway {
  private readonly connections = new Set<Connection>();
  private readonly authenticated = new Set<Connection>();
  private readonly upgrades = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: LIMITS.frameBytes.value,
  });
  private closed = false;

  constructor(private readonly deps: GatewayDeps) {}

  /** Number of authenticated connections; the door limits the others. */
  get members(): number {
    return this.authenticated.size;
  }

  attach(httpServer: Server): void {
    httpServer.on('upgrade', (request, socket, head) => this.onUpgrade(request, socket, head));
  }

  /** Tells all clients that the coordinator is closing, and disconnects those that do not answer within `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.closed = true;
    const all = [...this.connections];
    for (const connection of all) connection.goAway();
    const until = Date.now() + graceMs;
    while (this.connections.size > 0 && Date.now() < until) await delay(CLOSE_POLL_MS);
    for (const connection of this.connections) connection.terminate();
  }

  private onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refusal = this.objection(request);
    if (refusal !== null) {
      socket.on('error', () => socket.destroy());
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const remote = {
        address: request.socket.remoteAddress ?? 'an unknown address',
        loopback: isLoopback(request),
        channel: channelOf(request.socket),
      };
      limitMessages(webSocket, LIMITS.helloBytes.value);
      const onAuthenticated = (connection: Connection): void => {
        this.authenticated.add(connection);
        limitMessages(webSocket, LIMITS.frameBytes.value);
        this.deps.onAuthenticated(request.socket);
      };
      const onEnded = (connection: Connection): void => {
        this.connections.delete(connection);
        this.authenticated.delete(connection);
      };
      this.connections.add(new Connection(webSocket, remote, { ...this.deps, onAuthenticated, onEnded }));
    });
  }

  private objection(request: IncomingMessage): string | null {
    if (request.url !== HTTP.connect) return '404 Not Found';
    // Only browsers send Origin: a web page must not reach a coordinator that trusts its own machine.
    if (request.headers.origin !== undefined) return '403 Forbidden';
    // No client of ours speaks it with a server that has 1.3: something is in between, and proofs could not be bound to the connection.
    if (isUnboundTls(request.socket)) return '426 Upgrade Required';
    return this.closed ? '503 Service Unavailable' : null;
  }
}
