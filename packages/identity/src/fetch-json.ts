import { DteError, type LimitValues } from '@org/dte-protocol';
import { type BoundedAnswer, boundedRequest, type Exceeded } from './bounded-request';

export type FetchLimits = Pick<LimitValues, 'issuerRequestMs' | 'issuerAnswerBytes'>;

const unavailable = (url: string, why: string, cause?: unknown): DteError =>
  new DteError(
    'DTE_ISSUER_UNAVAILABLE',
    `The keys for id tokens cannot be fetched from ${url}: ${why}.`,
    cause === undefined ? {} : { cause },
  );

const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message || thrown.name : String(thrown);

async function get(
  url: string,
  limits: FetchLimits,
  ca: readonly string[],
): Promise<BoundedAnswer | Exceeded> {
  try {
    return await boundedRequest({
      method: 'GET',
      url: new URL(url),
      headers: { accept: 'application/json' },
      ca,
      timeoutMs: limits.issuerRequestMs,
      maxBytes: limits.issuerAnswerBytes,
      // The answer does not decide which server is asked.
      redirects: 0,
    });
  } catch (thrown) {
    throw unavailable(url, reasonOf(thrown), thrown);
  }
}

/**
 * A JSON document, within the limits of time and size and without following redirects.
 * @param authorities CA certificates (PEM) that are trusted in addition to the usual ones
 * @throws DteError DTE_ISSUER_UNAVAILABLE
 */
export async function fetchJson(
  url: string,
  limits: FetchLimits,
  authorities: readonly string[] = [],
): Promise<unknown> {
  const answer = await get(url, limits, authorities);
  if ('exceeded' in answer) {
    const { exceeded, cause } = answer;
    const why =
      exceeded === 'time'
        ? `no answer within ${limits.issuerRequestMs} ms (DTE_ISSUER_TIMEOUT_MS)`
        : `the answer is larger than ${limits.issuerAnswerBytes} bytes`;
    throw unavailable(url, why, cause);
  }
  if (answer.status !== 200) throw unavailable(url, `status ${answer.status}`);
  try {
    return JSON.parse(answer.body) as unknown;
  } catch (thrown) {
    throw unavailable(url, 'the answer is not JSON', thrown);
  }
}
