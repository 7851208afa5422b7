import { isIPv6 } from 'node:net';

/** Groups of an IPv6 address that identify a network; its owner chooses the rest. Notation, not a limit. */
const NETWORK_GROUPS = 4;

/**
 * The unit in which connections are counted: an IPv4 address (also written as IPv6), or the /64 network of an IPv6
 * address, because one machine may have all of its addresses. Headers of a proxy are ignored: anyone can send them.
 */
export function neighbourhoodOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [plain = ''] = address.toLowerCase().split('%');
  const [head = '', tail] = plain.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array.from({ length: missing }, () => '0'), ...after];
  const network = groups.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}
