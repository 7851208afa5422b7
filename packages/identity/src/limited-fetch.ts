import { DteError, type LimitValues } from '@org/dte-protocol';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';

export type FetchLimits = Pick<LimitValues, 'issuerRequestMs' | 'issuerAnswerBytes'>;

const unavailable = (url: string, why: string, cause?: unknown): DteError =>
  new DteError(
    'DTE_ISSUER_UNAVAILABLE',
    `The keys for id tokens cannot be fetched from ${url}: ${why}.`,
    cause === undefined ? {} : { cause },
  );

/** Not the global `fetch`: that one trusts the authorities that Node was started with and cannot be told of others. */
async function open(url: URL, authorities: readonly string[], signal: AbortSignal): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      headers: { accept: 'application/json' },
      signal,
      // Naming any replaces all the others.
      ...(authorities.length === 0 ? {} : { ca: [...rootCertificates, ...authorities] }),
    });
    request.once('error', reject).once('response', resolve).end();
  });
}

async function readText(response: IncomingMessage, url: string, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    total += chunk.length;
    if (total > maxBytes) throw unavailable(url, `the answer is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/**
 * A JSON document, within the limits of time and size and without following redirects: whom to ask is not the
 * answer's to decide.
 * @param authorities certificates (PEM) that are trusted in addition to the usual ones
 * @throws DteError DTE_ISSUER_UNAVAILABLE
 */
export async function fetchJson(
  url: string,
  limits: FetchLimits,
  authorities: readonly string[] = [],
): Promise<unknown> {
  const signal = AbortSignal.timeout(limits.issuerRequestMs);
  try {
    const response = await open(new URL(url), authorities, signal);
    const text = await readText(response, url, limits.issuerAnswerBytes);
    if (response.statusCode !== 200) throw unavailable(url, `status ${response.statusCode ?? 0}`);
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    if (thrown instanceof DteError) throw thrown;
    if (signal.aborted)
      throw unavailable(url, `no answer within ${limits.issuerRequestMs} ms (DTE_ISSUER_TIMEOUT_MS)`, thrown);
    if (thrown instanceof SyntaxError) throw unavailable(url, 'the answer is not JSON', thrown);
    throw unavailable(url, thrown instanceof Error ? thrown.message || thrown.name : String(thrown), thrown);
  }
}
