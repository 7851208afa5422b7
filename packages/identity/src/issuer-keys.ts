import { DteError, type LimitValues, printable } from '@org/dte-protocol';
import type { createLocalJWKSet, JWK, JWTHeaderParameters, KeyLike } from 'jose';
import { z } from 'zod';
import { refused } from './claims';
import { jose } from './jose';
import { fetchJson } from './fetch-json';

const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });

/** What an issuer answers is in it. */
const REASON_CHARS = 1_000;

export type KeyLimits = Pick<
  LimitValues,
  'issuerRequestMs' | 'issuerAnswerBytes' | 'issuerKeysMs' | 'issuerCooldownMs'
>;

interface KeySet {
  readonly fetchedAtMs: number;
  readonly find: (header: JWTHeaderParameters) => Promise<KeyLike>;
}

const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '[::1]' || host.startsWith('127.');

/** Unencrypted keys are only as trustworthy as the network; they are accepted only if the issuer's own address is http too. */
function mayBeFetched(keysUrl: string, issuer: string): boolean {
  const { protocol, hostname } = new URL(keysUrl);
  return protocol === 'https:' || new URL(issuer).protocol === 'http:' || isLoopbackHost(hostname);
}

/** The signing keys of one issuer: fetched when first needed, cached for `issuerKeysMs`, one fetch at a time. */
export class IssuerKeys {
  private current: KeySet | null = null;
  private fetching: Promise<KeySet> | null = null;

  constructor(
    private readonly issuer: string,
    private readonly limits: KeyLimits,
    private readonly now: () => number,
    private readonly authorities: readonly string[],
  ) {}

  /**
   * The key that a token names. An unknown one is looked up in a new set once, because keys rotate; but not more often
   * than the cooldown permits, because anyone can make up a key id.
   * @throws DteError DTE_ID_TOKEN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async find(header: JWTHeaderParameters): Promise<KeyLike> {
    const before = this.current;
    const known = await this.keys();
    try {
      return await known.find(header);
    } catch (thrown) {
      if (!(thrown instanceof jose().errors.JWKSNoMatchingKey)) throw refused('names no usable key', thrown);
    }
    if (known !== before) throw this.unknownKey();
    if (this.now() - known.fetchedAtMs < this.limits.issuerCooldownMs) {
      // It may be a new key, and another client caused the last fetch: retry later.
      throw new DteError(
        'DTE_ISSUER_UNAVAILABLE',
        `The key of the id token is unknown, although the keys of ${this.issuer} were fetched just now.`,
      );
    }
    const fresh = await this.fetch();
    return fresh.find(header).catch(() => {
      throw this.unknownKey();
    });
  }

  private unknownKey(): DteError {
    return refused(`was signed with a key that ${this.issuer} does not have`);
  }

  private async keys(): Promise<KeySet> {
    const { current } = this;
    const age = current === null ? Infinity : this.now() - current.fetchedAtMs;
    return current !== null && age < this.limits.issuerKeysMs ? current : this.fetch();
  }

  private fetch(): Promise<KeySet> {
    this.fetching ??= this.fetchNow().finally(() => (this.fetching = null));
    return this.fetching;
  }

  private async fetchNow(): Promise<KeySet> {
    const discoveryUrl = `${this.issuer}/.well-known/openid-configuration`;
    const { issuer, jwks_uri } = this.parse(
      discoverySchema,
      await fetchJson(discoveryUrl, this.limits, this.authorities),
      discoveryUrl,
    );
    if (issuer !== this.issuer)
      throw this.misfit(discoveryUrl, `it identifies itself as ${issuer} instead of ${this.issuer}`);
    if (!mayBeFetched(jwks_uri, this.issuer))
      throw this.misfit(discoveryUrl, `its keys are at ${jwks_uri}, which is not https`);
    const found = await fetchJson(jwks_uri, this.limits, this.authorities);
    const { keys } = this.parse(keySetSchema, found, jwks_uri);
    const set = this.keySetOf(keys, jwks_uri);
    this.current = { fetchedAtMs: this.now(), find: (header) => set(header) };
    return this.current;
  }

  /** It copies what it is given, and a key with a thousand levels of anything overflows the stack. */
  private keySetOf(keys: JWK[], url: string): ReturnType<typeof createLocalJWKSet> {
    try {
      return jose().createLocalJWKSet({ keys });
    } catch (thrown) {
      throw this.misfit(
        url,
        `its keys cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
      );
    }
  }

  private parse<T>(schema: z.ZodType<T>, value: unknown, url: string): T {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    throw this.misfit(url, 'the answer does not conform to OpenID Connect');
  }

  private misfit(url: string, why: string): DteError {
    return new DteError(
      'DTE_ISSUER_UNAVAILABLE',
      `The keys for id tokens from ${url} cannot be used: ${printable(why, REASON_CHARS)}.`,
    );
  }
}
