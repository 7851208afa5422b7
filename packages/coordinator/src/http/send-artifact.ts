import { DIGEST_HEADER, digestHeaderOf } from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import type { StoredArtifact } from '../artifacts/artifact-store';
import { FileBody } from '../artifacts/file-body';

/** @param sha256 in hex */
export const hexDigestHeader = (sha256: string): string =>
  digestHeaderOf(Buffer.from(sha256, 'hex').toString('base64'));

/** An artifact as a stream, with the digest that its reader compares. */
export async function sendArtifact(
  reply: FastifyReply,
  { bytes, sha256, body }: StoredArtifact,
): Promise<FastifyReply> {
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': bytes,
    etag: `"${sha256}"`,
    [DIGEST_HEADER]: hexDigestHeader(sha256),
  };
  if (!(body instanceof FileBody)) return reply.headers(headers).send(body);
  await body.sendTo(reply.raw, () => {
    reply.hijack();
    reply.raw.writeHead(200, headers);
  });
  return reply;
}
