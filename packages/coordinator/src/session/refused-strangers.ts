import type { ErrorCode } from '@org/dte-protocol';

interface Tally {
  count: number;
  readonly firstAtMs: number;
  readonly address: string;
}

/** 1, 10, 100, ...: whoever comes a million times is seven lines. */
const isWorthSaying = (count: number): boolean => /^10*$/.test(String(count));

/**
 * Connections that were refused before they had proven anything. Nothing that they say of themselves is kept, neither a
 * name nor a message: whoever can open a connection would write to the logs of jobs. What is left is ours: the code, how
 * many, since when, and the address that the first one came from.
 */
export class RefusedStrangers {
  private readonly tallies = new Map<ErrorCode, Tally>();

  /** @returns the sentence to say, when there is news: one for each power of ten */
  add(code: ErrorCode, address: string, nowMs: number): string | null {
    const tally = this.tallies.get(code) ?? { count: 0, firstAtMs: nowMs, address };
    tally.count += 1;
    this.tallies.set(code, tally);
    return isWorthSaying(tally.count) ? sentence(code, tally) : null;
  }

  /** What is to be said of all that came. */
  sentences(): [ErrorCode, string][] {
    return [...this.tallies].map(([code, tally]) => [code, sentence(code, tally)]);
  }
}

function sentence(code: ErrorCode, { count, firstAtMs, address }: Tally): string {
  const what = count === 1 ? 'One connection was rejected that' : `${count} connections were rejected that`;
  const at = `${new Date(firstAtMs).toISOString().slice(0, 19)}Z from ${address}`;
  return `${what} did not authenticate for this session: ${REASONS[code] ?? code}. ${count === 1 ? 'It came' : 'The first came'} at ${at}.`;
}

/** Why, in words of ours. */
const REASONS: Partial<Record<ErrorCode, string>> = {
  DTE_BAD_SECRET: 'a different secret (DTE_SECRET), or none',
  DTE_SECRET_REQUIRED: 'no credentials, from another machine',
  DTE_SHARED_TRUST: 'only the secret, which is not enough for the requested session',
  DTE_UNAUTHORIZED: 'requested another session than the one that is served here',
  DTE_ID_TOKEN_REFUSED: 'no id token of this pipeline (DTE_ID_TOKEN)',
  DTE_PROTOCOL_VERSION: 'another version of @org/dte',
  DTE_MALFORMED_MESSAGE: 'sent something other than a hello of @org/dte',
};
