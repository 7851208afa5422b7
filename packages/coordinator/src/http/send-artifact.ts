import { DIGEST_HEADER, digestHeaderOf } from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import type { OutgoingHttpHeaders } from 'node:http';
import type { StoredArtifact } from '../artifacts/artifact-store';
import { FileBody } from '../artifacts/file-body';

/** @param sha256 in hex */
export const hexDigestHeader = (sha256: string): string =>
  digestHeaderOf(Buffer.from(sha256, 'hex').toString('base64'));

/** What the answer to a reader of an artifact says of it. */
export const headersOf = ({
  bytes,
  sha256,
}: Pick<StoredArtifact, 'bytes' | 'sha256'>): OutgoingHttpHeaders => ({
  'content-type': 'application/octet-stream',
  'content-length': bytes,
  etag: `"${sha256}"`,
  [DIGEST_HEADER]: hexDigestHeader(sha256),
});

/** An artifact as a stream, with the digest that its reader compares. */
export async function sendArtifact(
  reply: FastifyReply,
  { bytes, sha256, body }: StoredArtifact,
): Promise<FastifyReply> {
  const headers = headersOf({ bytes, sha256 });
  if (Buffer.isBuffer(body)) return answerAtOnce(reply, headers, body);
  if (!(body instanceof FileBody)) return reply.headers(headers).send(body);
  await body.sendTo(reply.raw, () => {
    reply.hijack();
    reply.raw.writeHead(200, withHeadersOf(reply, headers));
  });
  return reply;
}

/** With the headers of `reply`, but past the hooks and serialisers of answers, none of which is used: for 1 kB, they cost as much as reading it. */
export function answerAtOnce(
  reply: FastifyReply,
  headers: OutgoingHttpHeaders,
  body: Buffer | null = null,
): FastifyReply {
  reply.hijack();
  reply.raw.writeHead(200, withHeadersOf(reply, headers)).end(body ?? undefined);
  return reply;
}

/** What was said with `reply.header` is sent as well. */
function withHeadersOf(reply: FastifyReply, headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const all: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) all[name] = value;
  return Object.assign(all, headers);
}
