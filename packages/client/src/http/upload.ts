import { createHash } from 'node:crypto';
import { type IncomingMessage } from 'node:http';
import { type Readable, Transform, pipeline } from 'node:stream';
import { DIGEST_HEADER, DteError, sha256OfHeader } from '@org/dte-protocol';

/**
 * A body that is hashed while it is sent. An archive is packed while it is sent, so its digest is not known in advance:
 * the coordinator answers with the digest of what it received, which is compared with what was sent.
 */
export function hashedUpload(body: () => Readable): {
  readonly body: () => Readable;
  /** @throws DteError DTE_ARTIFACT_DAMAGED */
  check(path: string, answer: IncomingMessage): void;
} {
  let hash = createHash('sha256');
  return {
    body: () => {
      const tried = createHash('sha256');
      hash = tried;
      const hashing = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          tried.update(chunk);
          done(null, chunk);
        },
      });
      // An error of the body destroys this stream too; its reader reports it.
      return pipeline(body(), hashing, () => undefined);
    },
    check(path, { headers }) {
      const header = headers[DIGEST_HEADER];
      const came = typeof header === 'string' ? sha256OfHeader(header) : null;
      if (came === null || came === hash.digest('base64')) return;
      throw new DteError('DTE_ARTIFACT_DAMAGED', `The upload to ${path} was damaged in transit.`);
    },
  };
}
