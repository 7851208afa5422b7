import type { Rendezvous } from '@org/dte-protocol';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import type { Config } from '@org/dte-config';

/** Is this an address, or a name, of this machine only? */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.');

/**
 * The address on which a coordinator listens. That of a main job serves other machines if the rendezvous does; a folder
 * is on this machine.
 */
export function listenHost(
  { host }: Pick<Config, 'host'>,
  embedded: boolean,
  rendezvous: Pick<Rendezvous, 'isAcrossMachines'> | null,
): string {
  if (host !== undefined) return host;
  return embedded && rendezvous?.isAcrossMachines === true ? '0.0.0.0' : '127.0.0.1';
}

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** Networks between the containers of one machine: other machines have the same networks with other containers. */
const isBridge = (name: string): boolean => /^(docker|br-|veth|virbr|cni|flannel|cali|podman)/.test(name);

/** A link-local address requires the name of an interface that only this machine knows. */
const isOutward = ({ internal, address }: NetworkInterfaceInfo): boolean =>
  !internal && !/^(fe[89ab]|169\.254\.)/i.test(address);

/** How others may reach a listener on `host`: all addresses that it represents, the most likely first. */
export function outwardHosts(host: string, interfaces: Interfaces = networkInterfaces()): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const all = Object.entries(interfaces)
    .flatMap(([name, infos]) => (infos ?? []).filter(isOutward).map((info) => ({ name, ...info })))
    .filter(({ family }) => host === '::' || family === 'IPv4')
    .sort((a, b) => Number(isBridge(a.name)) - Number(isBridge(b.name)));
  const hosts = all.map(({ address }) => address);
  return hosts.length === 0 ? ['127.0.0.1'] : hosts;
}

/** Addresses in addition to the first. Not configurable: the schema of a rendezvous record has the same number. */
const MOST_ALTERNATIVES = 8;

const asHost = (name: string): string => (name.includes(':') ? `[${name}]` : name);

/** The published addresses of a main job's coordinator; `alternatives` only if there are any. */
export function publishedAddresses(
  place: {
    readonly advertisedUrl: string | undefined;
    readonly host: string;
    readonly port: number;
    readonly secure: boolean;
  },
  interfaces?: Interfaces,
): { url: string; alternatives?: string[] } {
  const { advertisedUrl, host, port, secure } = place;
  const own = outwardHosts(host, interfaces).map(
    (name) => `${secure ? 'https' : 'http'}://${asHost(name)}:${port}`,
  );
  // A forwarded port also forwards TLS, so this coordinator still answers there.
  const given = secure ? advertisedUrl?.replace(/^http:/, 'https:') : advertisedUrl;
  const [url = '', ...others] = [...new Set(given === undefined ? own : [given, ...own])];
  // Without a pinned key, another server may answer at an address that belongs to another machine elsewhere.
  return others.length === 0 || !secure ? { url } : { url, alternatives: others.slice(0, MOST_ALTERNATIVES) };
}
