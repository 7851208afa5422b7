import type { ArtifactLookup } from '../artifacts/artifact-store';
import type { CacheGrant } from '../auth/cache-grant';
import type { SharedResults } from './shared-results';

/** What a client can read: what its session has stored, and what the shared cache has in the scopes that it reads. */
export function readableBy(
  { grant = null }: { readonly grant?: CacheGrant | null },
  {
    artifacts,
    shared = null,
  }: { readonly artifacts: ArtifactLookup; readonly shared?: SharedResults | null },
): ArtifactLookup {
  if (shared === null || grant === null) return artifacts;
  return {
    has: async (key) =>
      (await artifacts.has(key)) || (key.kind !== 'attempt' && (await shared.findOne(grant, key)) !== null),
  };
}
