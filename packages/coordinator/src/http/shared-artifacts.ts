import type { CacheEntry, FoundEntry } from '@org/dte-cache';
import { BYTES_HEADER, DIGEST_HEADER, DIRECT_HEADER } from '@org/dte-protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ArtifactKey, StoredArtifact } from '../artifacts/artifact-store';
import type { ReadGrant } from '../auth/cache-grant';
import type { SharedResults } from '../shared/shared-results';
import { hexDigestHeader, sendArtifact } from './send-artifact';

type HashKey = Pick<Extract<ArtifactKey, { hash: string }>, 'kind' | 'hash'>;

/** An artifact of the shared cache: its bytes, or where its reader gets them. */
export type SharedArtifact =
  | { readonly at: 'here'; readonly artifact: StoredArtifact }
  | {
      readonly at: 'elsewhere';
      readonly address: string;
      readonly entry: Pick<CacheEntry, 'bytes' | 'sha256'>;
    };

/** Who asks for an artifact, and with which headers. */
export interface SharedReader {
  readonly grant: ReadGrant | null;
  readonly request: FastifyRequest;
}

/** Null: the reader finds none, or the store has trouble. */
export async function openShared(
  shared: SharedResults | null,
  key: HashKey,
  { grant, request }: SharedReader,
): Promise<SharedArtifact | null> {
  const found = await findShared(shared, key, grant);
  if (found === null || shared === null) return null;
  const { entry } = found;
  const mayBeElsewhere = request.headers[DIRECT_HEADER] !== undefined;
  const address = mayBeElsewhere ? await shared.addressOf(found) : null;
  if (address !== null) return { at: 'elsewhere', address, entry };
  const body = await shared.read(found);
  const { bytes, sha256 } = entry;
  return body === null ? null : { at: 'here', artifact: { bytes, sha256, body } };
}

export async function sendShared(reply: FastifyReply, shared: SharedArtifact): Promise<FastifyReply> {
  if (shared.at === 'here') return sendArtifact(reply, shared.artifact);
  const { bytes, sha256 } = shared.entry;
  return reply
    .code(307)
    .header('location', shared.address)
    .header('cache-control', 'no-store')
    .header(DIGEST_HEADER, hexDigestHeader(sha256))
    .header(BYTES_HEADER, bytes)
    .send();
}

/** A reader suspects damage; what it reads is what it finds first. */
export async function checkShared(
  shared: SharedResults | null,
  key: HashKey,
  grant: ReadGrant | null,
): Promise<'good' | 'removed' | 'absent'> {
  const found = await findShared(shared, key, grant);
  return found === null || shared === null ? 'absent' : shared.verify(found);
}

const findShared = async (
  shared: SharedResults | null,
  { kind, hash }: HashKey,
  grant: ReadGrant | null,
): Promise<FoundEntry | null> => (await shared?.findOne(grant, { kind, hash })) ?? null;
