import { DteError, type LimitValues } from '@org/dte-protocol';

export type FetchLimits = Pick<LimitValues, 'issuerRequestMs' | 'issuerAnswerBytes'>;

const unavailable = (url: string, why: string, cause?: unknown): DteError =>
  new DteError(
    'DTE_ISSUER_UNAVAILABLE',
    `The keys for id tokens cannot be fetched from ${url}: ${why}.`,
    cause === undefined ? {} : { cause },
  );

/** `fetch failed` says nothing; its cause does. */
function reasonOf(thrown: unknown, limits: FetchLimits): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown.name === 'TimeoutError')
    return `no answer within ${limits.issuerRequestMs} ms (DTE_ISSUER_TIMEOUT_MS)`;
  return thrown.cause instanceof Error ? thrown.cause.message || thrown.cause.name : thrown.message;
}

async function readText(response: Response, url: string, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  if (response.body === null) return '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    total += chunk.length;
    if (total > maxBytes) throw unavailable(url, `the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * A JSON document, within the limits of time and size and without following redirects: whom to ask is not the
 * answer's to decide.
 * @throws DteError DTE_ISSUER_UNAVAILABLE
 */
export async function fetchJson(url: string, limits: FetchLimits): Promise<unknown> {
  try {
    const signal = AbortSignal.timeout(limits.issuerRequestMs);
    const headers = { accept: 'application/json' };
    const response = await fetch(url, { redirect: 'manual', signal, headers });
    const text = await readText(response, url, limits.issuerAnswerBytes);
    if (response.status !== 200) throw unavailable(url, `status ${response.status}`);
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    if (thrown instanceof DteError) throw thrown;
    const why = thrown instanceof SyntaxError ? 'the answer is not JSON' : reasonOf(thrown, limits);
    throw unavailable(url, why, thrown);
  }
}
