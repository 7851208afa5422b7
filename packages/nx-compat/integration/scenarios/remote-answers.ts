import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveNx } from '../../src';
import type { NxRemoteCache } from '../../src/cache/nx-cache';
import { startArtifactServer, type ServerMode } from '../support/artifact-server';

export interface RemoteAnswersResult {
  /** By the server's answer: Nx's result, including the first words of an exception. */
  store: Record<string, string>;
  retrieve: Record<string, string>;
  /** The most requests for any of them: more than one means that native code retries. */
  requests: number;
}

const brief = async (call: Promise<unknown>): Promise<string> => {
  try {
    const value = await call;
    return typeof value === 'object' && value !== null ? 'result' : String(value);
  } catch (error) {
    return `throws ${(error as Error).message.split(/[:\n]/)[0] ?? ''}`;
  }
};

/** Gives every possible answer of a server to Nx's own HTTP cache, without any code of dte in between. */
export async function run({ workspaceRoot }: { workspaceRoot: string }): Promise<RemoteAnswersResult> {
  const server = await startArtifactServer();
  process.env['NX_SELF_HOSTED_REMOTE_CACHE_SERVER'] = server.url;
  process.env['NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN'] = 'secret';
  const { HttpRemoteCache } = resolveNx().load<{ HttpRemoteCache: new () => NxRemoteCache }>('src/native');
  const folder = join(workspaceRoot, 'cache');
  mkdirSync(join(folder, '123'), { recursive: true });
  writeFileSync(join(folder, '123/file'), 'content');
  const result: RemoteAnswersResult = { store: {}, retrieve: {}, requests: 0 };
  const modes: ServerMode[] = ['normal', 201, 204, 400, 401, 403, 404, 409, 413, 500, 503, 'cut'];
  for (const mode of modes) {
    server.mode = mode;
    for (const name of ['store', 'retrieve'] as const) {
      server.requests.length = 0;
      const cache = new HttpRemoteCache();
      const call = name === 'store' ? cache.store('123', folder, 'out', 0) : cache.retrieve('123', `${folder}2`);
      result[name][mode] = await brief(call);
      result.requests = Math.max(result.requests, server.requests.length);
    }
  }
  await server.close();
  result.store['refused'] = await brief(new HttpRemoteCache().store('123', folder, 'out', 0));
  result.retrieve['refused'] = await brief(new HttpRemoteCache().retrieve('123', folder));
  return result;
}
