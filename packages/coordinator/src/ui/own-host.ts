import { isIP } from 'node:net';

/** Without the port; an IPv6 address without brackets. */
const nameOf = (host: string): string => host.replace(/:[0-9]+$/, '').replace(/^\[(.*)\]$/, '$1');

/**
 * Is this the `Host` of a request to us? A page of another name whose address was changed to ours (DNS rebinding) says its own
 * name. An address, or this machine's own name, cannot be changed like that.
 * @param publicUrl null: the names under which people reach this coordinator are not known, and any is accepted
 */
export function isOwnHost(host: string | undefined, publicUrl: string | null): boolean {
  if (host === undefined) return false;
  if (publicUrl === null) return true;
  const name = nameOf(host);
  return host === new URL(publicUrl).host || name === 'localhost' || isIP(name) !== 0;
}
