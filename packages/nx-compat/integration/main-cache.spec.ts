import { NX_VERSIONS, OLDEST_NX_VERSION } from './install-majors';
import type { MainCacheResult } from './scenarios/main-cache';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const FILES = {
  ...project('good', { build: 'mkdir -p packages/good/dist && echo data > packages/good/dist/out.txt' }),
  ...project('bad', { build: 'exit 1' }),
  // Like every `test` target that writes its coverage only on demand.
  ...project('silent', { build: 'echo nothing to write' }),
};

describe.each([...new Set([OLDEST_NX_VERSION, ...NX_VERSIONS])])(
  'the cache of the main job, nx %s',
  (version) => {
    let workspace: Workspace;
    let server: ArtifactServer;

    beforeEach(async () => {
      workspace = makeWorkspace(version, FILES);
      server = await startArtifactServer();
    });

    afterEach(async () => {
      await server.close();
      workspace.remove();
    });

    const mainCache = async (of: Workspace, runFirst: boolean, env: NodeJS.ProcessEnv = {}) => {
      const remoteCache = { url: server.url, token: 'secret' };
      return (await of.run<MainCacheResult>('main-cache', { remoteCache, runFirst }, env)).result;
    };

    it('finds local entries without a request to the server, uploads them, and another machine downloads them', async () => {
      const here = await mainCache(workspace, true);
      expect(here).toMatchObject({
        remoteKind: 'ours',
        tokenLeft: false,
        found: ['good:build', 'silent:build'],
        uploaded: { 'good:build': 'stored', 'silent:build': 'stored' },
        fetched: { 'good:build': 'local on disk', 'silent:build': 'local', 'bad:build': 'miss' },
        outputs: ['packages/good/dist'],
        outputsAfterRemoval: [],
      });
      expect(server.requests.filter((line) => line.startsWith('GET'))).toHaveLength(1);
      const other = workspace.clone();
      const there = await mainCache(other, false);
      expect(there).toMatchObject({
        found: [],
        fetched: { 'good:build': 'remote on disk', 'silent:build': 'remote', 'bad:build': 'miss' },
      });
      other.remove();
    });

    it('treats cached failures as this version of Nx would replay them', async () => {
      const { found } = await mainCache(workspace, true, { NX_CACHE_FAILURES: 'true' });
      const replaysFailures = Number(version.split('.')[0]) >= 23;
      const succeeded = ['good:build', 'silent:build'];
      expect(found).toEqual(replaysFailures ? ['bad:build', ...succeeded] : succeeded);
    });

    it('asks the reader of dte, with the task of the hash, and never its own client', async () => {
      await mainCache(workspace, true);
      const before = server.requests.length;
      const other = workspace.clone();
      const asked = [
        { taskId: 'bad:build', outputs: ['packages/bad/dist'] },
        { taskId: 'good:build', outputs: ['packages/good/dist'] },
      ];
      const input = { remoteCache: { url: server.url, token: 'secret' }, runFirst: false };
      const readers = ['refuses', 'makes', 'refuses'].map((reader) => ({ ...input, reader }));
      const [refused, made, known] = await other.runEach<MainCacheResult>('main-cache', readers);
      expect(refused?.result.fetched).toMatchObject({
        'bad:build': 'error as thrown',
        'good:build': 'error as thrown',
      });
      expect(refused?.result.asked).toEqual(expect.arrayContaining(asked));
      // What was rejected before is in no cache.
      expect(made?.result.found).toEqual([]);
      expect(made?.result.asked).toEqual(expect.arrayContaining(asked));
      expect(made?.result.fetched).toMatchObject({ 'good:build': 'remote on disk' });
      expect(known?.result.found).toEqual(expect.arrayContaining(['bad:build', 'good:build']));
      expect(server.requests.slice(before).filter((line) => line.startsWith('GET'))).toEqual([]);
      other.remove();
    });

    it('keeps a cache server that the workspace configures', async () => {
      const result = await mainCache(workspace, false, {
        NX_SELF_HOSTED_REMOTE_CACHE_SERVER: 'http://127.0.0.1:9',
      });
      expect(result.remoteKind).toBe('other');
      expect(result.fetched['good:build']).toBe('error');
      expect(server.requests).toEqual([]);
    });
  },
);
