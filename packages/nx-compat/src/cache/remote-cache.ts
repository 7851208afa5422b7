import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { RemoteCacheAddress, RemoteKind } from './types';

const SERVER = 'NX_SELF_HOSTED_REMOTE_CACHE_SERVER';
const TOKEN = 'NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN';

/** Both spellings: Nx's client reads one and then the other. */
const NO_PROXY = ['no_proxy', 'NO_PROXY'] as const;

/** Nx looks for these packages before its HTTP cache, in this order. */
export const REMOTE_CACHE_PACKAGES = [
  '@nx/s3-cache',
  '@nx/powerpack-s3-cache',
  '@nx/shared-fs-cache',
  '@nx/powerpack-shared-fs-cache',
  '@nx/gcs-cache',
  '@nx/powerpack-gcs-cache',
  '@nx/azure-cache',
  '@nx/powerpack-azure-cache',
] as const;

/** The environment is changed until `release`; `kind` shows whether there was anything to change. */
export interface RemoteCacheLease {
  kind: RemoteKind;
  /** Restores the previous values. Idempotent. */
  release(): void;
}

const resolves = (workspaceRoot: string, name: string): boolean => {
  try {
    createRequire(join(workspaceRoot, 'package.json')).resolve(name);
    return true;
  } catch {
    return false;
  }
};

/**
 * Which remote cache Nx would use in this workspace.
 * @param ours the address of dte, to distinguish it from a server that the user configured
 */
export function detectRemoteKind(
  workspaceRoot: string,
  ours?: RemoteCacheAddress,
  env: NodeJS.ProcessEnv = process.env,
): RemoteKind {
  if (REMOTE_CACHE_PACKAGES.some((name) => resolves(workspaceRoot, name))) return 'other';
  const server = env[SERVER];
  if (!server) return 'none';
  return server === ours?.url ? 'ours' : 'other';
}

/**
 * Points Nx at our artifact contract. A workspace's own remote cache has precedence and is never overridden: its
 * artifacts are the organisation's choice, and both sides of a distribution then use it.
 *
 * Nx reads the variables when it creates a cache, so the lease can be released right after. A token that stays in
 * the environment would be visible to every task.
 *
 * Whether our address is reached through a proxy was decided before (`HttpWay` of the client): it is often a port of this
 * machine, and no proxy leads there, whatever HTTP_PROXY says.
 */
export function useRemoteCache(
  address: RemoteCacheAddress,
  workspaceRoot: string,
  env: NodeJS.ProcessEnv = process.env,
): RemoteCacheLease {
  const present = detectRemoteKind(workspaceRoot, address, env);
  if (present === 'other') return { kind: 'other', release: () => undefined };
  const before = Object.fromEntries([SERVER, TOKEN, ...NO_PROXY].map((name) => [name, env[name]]));
  env[SERVER] = address.url;
  env[TOKEN] = address.token;
  const direct = new Set([new URL(address.url).hostname, ...NO_PROXY.map((name) => env[name] ?? '')]);
  direct.delete('');
  for (const name of NO_PROXY) env[name] = [...direct].join(',');
  return {
    kind: 'ours',
    release: () => {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) Reflect.deleteProperty(env, name);
        else env[name] = value;
      }
    },
  };
}
