import type { Rendezvous } from '@org/dte-protocol';
import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';
import type { Config } from '@org/dte-config';

/** Is an address, or the name of one, this machine and nothing else? */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host === '[::1]' || host.startsWith('127.');

/**
 * The address a coordinator listens on. That of a main job is there for jobs on other machines where the rendezvous
 * is: a folder is on this one.
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

/** Networks between the containers of one machine: others have the same ones, with other machines in them. */
const isBridge = (name: string): boolean => /^(docker|br-|veth|virbr|cni|flannel|cali|podman)/.test(name);

/** A link-local address needs the name of an interface that only this machine knows. */
const isOutward = ({ internal, address }: NetworkInterfaceInfo): boolean =>
  !internal && !/^(fe[89ab]|169\.254\.)/i.test(address);

/** How others may reach what listens on `host`: all addresses it stands for, the likeliest first. */
export function outwardHosts(host: string, interfaces: Interfaces = networkInterfaces()): string[] {
  if (host !== '0.0.0.0' && host !== '::') return [host];
  const all = Object.entries(interfaces)
    .flatMap(([name, infos]) => (infos ?? []).filter(isOutward).map((info) => ({ name, ...info })))
    .filter(({ family }) => host === '::' || family === 'IPv4')
    .sort((a, b) => Number(isBridge(a.name)) - Number(isBridge(b.name)));
  const hosts = all.map(({ address }) => address);
  return hosts.length === 0 ? ['127.0.0.1'] : hosts;
}

/** Addresses in addition to the first. No limit to set: the schema of a rendezvous record has the same number. */
const MOST_ALTERNATIVES = 8;

const asHost = (name: string): string => (name.includes(':') ? `[${name}]` : name);

/** What a coordinator of a main job says of where it is; `alternatives` only when there are some. */
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
  // Whoever forwards a port forwards the TLS on it: what answers there is still this coordinator.
  const given = secure ? advertisedUrl?.replace(/^http:/, 'https:') : advertisedUrl;
  const [url = '', ...others] = [...new Set(given === undefined ? own : [given, ...own])];
  // Without a pinned key somebody else may answer at an address that means another machine elsewhere.
  return others.length === 0 || !secure ? { url } : { url, alternatives: others.slice(0, MOST_ALTERNATIVES) };
}
