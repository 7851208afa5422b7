import { type LimitValues } from '@org/dte-protocol';
import { type DialTarget, proxyOf } from '../dial';
import { type Forwarder, openForwarder } from './forwarder';
import { type Tunnel, openTunnel } from './tunnel';

/**
 * Where the HTTP clients of a process send their requests to a coordinator, Nx's own client among them: to the coordinator itself
 * if any client can reach it, else to a port of this machine.
 */
export class HttpWay {
  private tunnel: Tunnel | null = null;
  private forwarder: (Forwarder & { readonly to: string }) | null = null;
  private closed = false;

  constructor(
    private readonly limits: LimitValues,
    private readonly authorities: readonly string[],
  ) {}

  /** @param url the address that has answered */
  async to(url: string, pin: string | null): Promise<string> {
    if (pin !== null) return this.throughTunnel({ urls: [url], pin });
    const needsOurTls = url.startsWith('https:') && this.authorities.length > 0;
    if (!needsOurTls && proxyOf(url, pin) === null) return url;
    return this.throughForwarder(url);
  }

  close(): void {
    this.closed = true;
    this.tunnel?.close();
    this.forwarder?.close();
  }

  private async throughTunnel(target: DialTarget): Promise<string> {
    this.tunnel ??= await openTunnel(this.limits);
    this.tunnel.pointTo(target);
    if (this.closed) this.tunnel.close();
    return this.tunnel.url;
  }

  private async throughForwarder(url: string): Promise<string> {
    if (this.forwarder?.to === url) return this.forwarder.url;
    this.forwarder?.close();
    const { authorities } = this;
    const opened = await openForwarder(url, { urls: [url], pin: null, authorities }, this.limits);
    this.forwarder = { ...opened, to: url };
    if (this.closed) opened.close();
    return opened.url;
  }
}
