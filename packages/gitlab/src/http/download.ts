import { OLDEST_TLS } from '@org/dte-identity';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { rootCertificates } from 'node:tls';
import { REDIRECTS, type GitlabCall } from './call';

export interface GitlabDownload extends Pick<GitlabCall, 'url' | 'headers' | 'ca' | 'timeoutMs'> {
  /** Ends the request, and the stream of its answer. */
  readonly signal: AbortSignal;
}

/**
 * A GET whose answer is streamed: every status is an answer, and the caller reads its body or destroys it. `timeoutMs` is the longest
 * time without any byte. Redirects to object storage are followed, without the token.
 * @throws Error if there is no connection, or if it breaks
 */
export async function gitlabDownload(download: GitlabDownload): Promise<IncomingMessage> {
  let { url, headers } = download;
  for (let left = REDIRECTS; ; left--) {
    const response = await once({ ...download, url, headers });
    const { statusCode = 0, headers: answered } = response;
    const moved = statusCode >= 301 && statusCode <= 308 && answered.location !== undefined;
    if (!moved || left === 0) return response;
    response.destroy();
    url = new URL(answered.location ?? '', url);
    headers = url.origin === download.url.origin ? download.headers : {};
  }
}

const once = ({ url, headers, ca, timeoutMs, signal }: GitlabDownload): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      headers,
      signal,
      timeout: timeoutMs,
      minVersion: OLDEST_TLS,
      // Authorities that are passed replace the usual ones.
      ...(ca.length === 0 ? {} : { ca: [...rootCertificates, ...ca] }),
    });
    request.on('timeout', () => request.destroy(new Error(`nothing was received for ${timeoutMs} ms`)));
    request.on('error', reject).on('response', resolve).end();
  });
