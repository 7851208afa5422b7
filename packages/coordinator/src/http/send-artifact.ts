import { DIGEST_HEADER, digestHeaderOf } from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import type { StoredArtifact } from '../artifacts/artifact-store';

/** @param sha256 in hex */
export const hexDigestHeader = (sha256: string): string =>
  digestHeaderOf(Buffer.from(sha256, 'hex').toString('base64'));

/** An artifact as a stream, with the digest that its reader compares. */
export const sendArtifact = (reply: FastifyReply, { bytes, sha256, body }: StoredArtifact): FastifyReply =>
  reply
    .type('application/octet-stream')
    .header('content-length', bytes)
    .header('etag', `"${sha256}"`)
    .header(DIGEST_HEADER, hexDigestHeader(sha256))
    .send(body);
