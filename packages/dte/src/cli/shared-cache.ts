import { DiskCache, type SharedCache } from '@org/dte-cache';
import { openGitlabArtifacts } from '@org/dte-gitlab';
import { authorities as trusted, connectThrough, proxyFor } from '@org/dte-identity';
import { DteError } from '@org/dte-protocol';
import { dataDirOf } from '@org/dte-runner';
import { join } from 'node:path';
import { type CliContext, warn } from './context';

/** How long a proxy may take to connect to the bucket, in ms: as long as one question of the cache may take by default. */
const PROXY_MS = 5_000;

export interface SharedCacheOptions {
  /** The coordinator is part of a job. */
  readonly embedded: boolean;
  /** Issuers of the id tokens that are accepted. */
  readonly issuers: readonly string[];
}

/**
 * The store behind the option `cache`; null for none.
 * @throws DteError DTE_BAD_CONFIG
 */
export function openSharedCache(
  context: CliContext,
  { embedded, issuers }: SharedCacheOptions,
): Promise<SharedCache | null> {
  const { cache } = context.resolved.config;
  if (cache === 'none') return Promise.resolve(null);
  if (issuers.length === 0)
    return Promise.reject(
      bad(
        'pipelines can share results only if they prove with id tokens where they run, and no issuer is configured (option issuers, DTE_ISSUERS)',
      ),
    );
  if (cache === 'coordinator') return coordinatorCache(context, embedded);
  if (cache === 's3') return openS3(context);
  return Promise.resolve().then(() => inArtifacts(context, embedded));
}

/** The folder is used from the first call on, when the coordinator has the lock of its data folder. */
function coordinatorCache({ resolved, workspaceRoot }: CliContext, embedded: boolean): Promise<SharedCache> {
  if (embedded)
    return Promise.reject(
      bad(
        'the store "coordinator" is a folder of a standalone coordinator, and the one of this job ends with it. Use "s3" or "gitlab-artifacts" here, or set cache for the standalone coordinator instead (dte coordinator --cache=coordinator), and its address in the jobs (DTE_COORDINATOR_URL)',
      ),
    );
  const { cacheBytes, cacheProjectBytes, cacheAgeMs } = resolved.limits;
  return Promise.resolve(
    new DiskCache({
      folder: join(dataDirOf(resolved, workspaceRoot), 'cache'),
      maxBytes: cacheBytes,
      projectBytes: cacheProjectBytes,
      ageMs: cacheAgeMs,
      warn,
    }),
  );
}

async function openS3({ resolved, surroundings, workspaceRoot }: CliContext): Promise<SharedCache> {
  // Coordinators without a bucket start without it.
  const { openBucket } = await import('@org/dte-cache');
  const { authorities } = surroundings;
  const throughProxy = (target: URL): ReturnType<typeof connectThrough> | null => {
    const proxy = proxyFor(target);
    if (proxy === null) return null;
    const signal = AbortSignal.timeout(PROXY_MS);
    return connectThrough({ proxy, target, signal, ...trusted(authorities) });
  };
  return openBucket(resolved.config, { authorities, throughProxy, workspaceRoot });
}

function inArtifacts(
  { resolved, surroundings, workspaceRoot }: CliContext,
  embedded: boolean,
): SharedCache | null {
  const { job, authorities: ca } = surroundings;
  const { idToken, gitlabToken: token } = resolved.config;
  const { limits } = resolved;
  return openGitlabArtifacts({ embedded, job, idToken, token, ca, workspaceRoot, limits, note: warn });
}

const bad = (why: string): DteError =>
  new DteError('DTE_BAD_CONFIG', `The shared cache (option cache, DTE_CACHE) cannot be used: ${why}.`);
