import { rootCertificates } from 'node:tls';

/**
 * The option `ca` of Node's TLS for certificate authorities (PEM) that are trusted in addition to the usual ones; empty if
 * there are none, because a passed list replaces the usual ones.
 */
export const authorities = (extra: readonly string[]): { readonly ca?: string[] } =>
  extra.length === 0 ? {} : { ca: [...rootCertificates, ...extra] };
