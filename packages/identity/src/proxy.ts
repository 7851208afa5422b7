import { BlockList, isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { OLDEST_TLS } from './oldest-tls';

/** The proxy for an address. Its credentials are in no text that this package makes. */
export interface Proxy {
  readonly url: URL;
  /** For messages: without credentials. */
  readonly name: string;
}

const env = (name: string): string => process.env[name] ?? process.env[name.toUpperCase()] ?? '';

/**
 * The proxy that the usual variables name for this address: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, unless NO_PROXY has it.
 * Null: none. This machine itself is never reached through a proxy.
 * @throws DteError DTE_BAD_CONFIG if the variable is no address of an HTTP proxy
 */
export function proxyFor(url: URL): Proxy | null {
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isOwnMachine(host) || isExcluded(host, portOf(url))) return null;
  const text = proxyFromEnv(url.href);
  if (text === '') return null;
  const proxy = URL.canParse(text) ? new URL(text) : null;
  if (proxy !== null && ['http:', 'https:'].includes(proxy.protocol))
    return { url: proxy, name: `${proxy.protocol}//${proxy.host}` };
  // The value itself may contain a password.
  throw new DteError(
    'DTE_BAD_CONFIG',
    `The proxy for ${url.origin} (variables HTTPS_PROXY, HTTP_PROXY, ALL_PROXY) is not an address of an HTTP proxy: it must begin with http:// or https://. Add ${host} to NO_PROXY to connect without one.`,
  );
}

/** Loaded when first needed: most processes have no proxy. It has no types of its own. */
function proxyFromEnv(href: string): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
  const { getProxyForUrl } = require('proxy-from-env') as { getProxyForUrl: (url: string) => string };
  return getProxyForUrl(href);
}

const portOf = ({ port, protocol }: URL): number => Number(port) || (protocol === 'https:' ? 443 : 80);

const isOwnMachine = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

/**
 * Does NO_PROXY name this host? Beside what the library compares (equal hosts, and ends after a dot or a star), every name
 * covers its subdomains, and addresses may be ranges, as for curl, git and Nx: the network of the pods is such a range.
 */
const isExcluded = (host: string, port: number): boolean =>
  `${env('no_proxy')},${env('npm_config_noproxy')}`
    .toLowerCase()
    .split(/[,\s]+/)
    .some((entry) => entry !== '' && covers(entry, host, port));

function covers(entry: string, host: string, port: number): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return isInRange(entry, host);
  const [, bracketed, plain, ownPort] = /^(?:\[(.+)\]|([^:]+|[^[]*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  if (ownPort !== undefined && Number(ownPort) !== port) return false;
  const name = (bracketed ?? plain ?? '').replace(/^\*?\.?/, '');
  return name !== '' && (host === name || (isIP(host) === 0 && host.endsWith(`.${name}`)));
}

function isInRange(entry: string, host: string): boolean {
  const [network = '', prefix = ''] = entry.split('/');
  const version = isIP(host);
  if (version === 0 || isIP(network) !== version || !/^\d{1,3}$/.test(prefix)) return false;
  const family = version === 4 ? 'ipv4' : 'ipv6';
  if (Number(prefix) > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family);
  return list.check(host, family);
}

const authorization = ({ url: { username, password } }: Proxy): Record<string, string> => {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` };
};

export interface ThroughProxy {
  readonly proxy: Proxy;
  /** Where the proxy connects to. */
  readonly target: URL;
  /** CA certificates (PEM) for the proxy itself, if it is reached by https; undefined: the usual ones. */
  readonly ca?: readonly string[] | undefined;
  /** Aborting ends the try, and destroys nothing that was handed over before. */
  readonly signal: AbortSignal;
}

/**
 * A connection to the target through the proxy (CONNECT), on which nothing was sent yet.
 * @throws Error with the name of the proxy
 */
export function connectThrough({ proxy, target, ca, signal }: ThroughProxy): Promise<Socket> {
  const { url, name } = proxy;
  // The agent hands them over to the request unchanged.
  const proxyRequestOptions = {
    signal,
    minVersion: OLDEST_TLS,
    ...(ca === undefined ? {} : { ca: [...ca] }),
  };
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(new Error(`${cause.message || cause.name} (from the proxy ${name})`, { cause }));
    // Called with either; the types say both.
    const done = (error: Error | null, socket: Duplex | undefined): void =>
      error === null && socket instanceof Socket ? resolve(socket) : failed(error ?? new Error('no socket'));
    const { HttpProxyAgent } = hpagent();
    const agent = new HttpProxyAgent({ proxy: url, proxyRequestOptions });
    agent.createConnection({ host: target.hostname, port: portOf(target) }, done);
  });
}

/** Like `proxyFromEnv`: few processes need it. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- synchronous, and CommonJS like the rest
const hpagent = (): typeof import('hpagent') => require('hpagent') as typeof import('hpagent');

/** Options of a request that asks the proxy for a plain http address: the proxy gets the whole address. */
export const plainThrough = (
  proxy: Proxy,
  target: URL,
): { url: URL; path: string; headers: Record<string, string> } => ({
  url: new URL('/', `${proxy.url.protocol}//${proxy.url.host}`),
  path: target.href,
  headers: { host: target.host, ...authorization(proxy) },
});
