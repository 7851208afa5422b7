import { openRequest } from '@org/dte-identity';
import type { IncomingMessage } from 'node:http';
import { REDIRECTS, type GitlabCall } from './call';

export interface GitlabDownload extends Pick<GitlabCall, 'url' | 'headers' | 'ca' | 'timeoutMs'> {
  /** Ends the request, and the stream of its answer. */
  readonly signal: AbortSignal;
}

/**
 * A GET whose answer is streamed: every status is an answer, and the caller reads its body or destroys it. `timeoutMs` is the longest
 * time without any byte. Redirects to object storage are followed, without the token. It goes
 * through the proxy of the job, like everything that is asked of GitLab.
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

async function once({ url, headers, ca, timeoutMs, signal }: GitlabDownload): Promise<IncomingMessage> {
  const request = await openRequest({ method: 'GET', url, headers, ca }, signal);
  return new Promise((resolve, reject) => {
    request.setTimeout(timeoutMs, () =>
      request.destroy(new Error(`nothing was received for ${timeoutMs} ms`)),
    );
    request.on('error', reject).on('response', resolve).end();
  });
}
