import type { ErrorCode } from '@org/dte-protocol';

interface Tally {
  count: number;
  readonly firstAtMs: number;
  readonly address: string;
}

/** 1, 10, 100, ...: a client that connects a million times causes seven lines. */
const isWorthSaying = (count: number): boolean => /^10*$/.test(String(count));

/**
 * Connections that were rejected before they authenticated. Nothing that they send is stored, neither a name nor a
 * message: otherwise, anyone who can open a connection could write to the logs of jobs. Only our own data remains: the
 * code, how many, since when, and the address of the first one.
 */
export class RefusedStrangers {
  private readonly tallies = new Map<ErrorCode, Tally>();

  /** @returns the sentence to report, if it is time to: one for each power of ten */
  add(code: ErrorCode, address: string, nowMs: number): string | null {
    const tally = this.tallies.get(code) ?? { count: 0, firstAtMs: nowMs, address };
    tally.count += 1;
    this.tallies.set(code, tally);
    return isWorthSaying(tally.count) ? sentence(code, tally) : null;
  }

  /** The summary of all of them. */
  sentences(): [ErrorCode, string][] {
    return [...this.tallies].map(([code, tally]) => [code, sentence(code, tally)]);
  }
}

function sentence(code: ErrorCode, { count, firstAtMs, address }: Tally): string {
  const what = count === 1 ? 'One connection was rejected that' : `${count} connections were rejected that`;
  const at = `${new Date(firstAtMs).toISOString().slice(0, 19)}Z from ${address}`;
  return `${what} did not authenticate for this session: ${REASONS[code] ?? code}. ${count === 1 ? 'It came' : 'The first came'} at ${at}.`;
}

/** The reason, in our own words. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  DTE_BAD_SECRET: 'a different secret (DTE_SECRET), or none',
  DTE_SECRET_REQUIRED: 'no credentials, from another machine',
  DTE_SHARED_TRUST: 'only the secret, which is not enough for the requested session',
  DTE_UNAUTHORIZED: 'requested another session than the one that is served here',
  DTE_ID_TOKEN_REFUSED: 'no id token of this pipeline (DTE_ID_TOKEN)',
  DTE_PROTOCOL_VERSION: 'another version of @org/dte',
  DTE_MALFORMED_MESSAGE: 'sent something other than a hello of @org/dte',
};
