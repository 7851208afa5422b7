import { NX_VERSIONS } from './install-majors';
import type { LimitsResult } from './scenarios/limits';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { makeWorkspace, project, type Workspace } from './support/workspace';

/** What each run writes is new, as if another pipeline had written the one before. */
const FILES = project('good', {
  build:
    'mkdir -p packages/good/dist && echo made >> ../runs && echo run $(wc -l < ../runs) > packages/good/dist/out.txt',
});

describe.each(NX_VERSIONS)('a task that must be made in this pipeline, nx %s', (version) => {
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

  it('never gets what the cache of this machine has from before, but what its session has made', async () => {
    const input = { remoteCache: { url: server.url, token: 'secret' } };
    const { result } = await workspace.run<LimitsResult>('limits', input);
    expect(result.steps).toEqual({
      'with --skip-remote-cache': 'local: run 1',
      'looked up': 'not found: nothing',
      fetched: 'miss: nothing',
      'fetched after the session has made it': 'remote: of the session',
      'fetched again': 'local: of the session',
      'fetched by another process': 'miss: nothing',
      'run by an agent': 'miss: run 2',
      // Its own process has just made it.
      'hashed and run by an agent': 'local-hit: run 2',
      'run here': 'success: run 3',
      'run here again': 'local-cache: run 3',
      uploaded: 'declined: nothing',
    });
    expect(result.asked.every(Boolean)).toBe(true);
  });

  it("gets nothing from the workspace's own remote cache, which does not say who made an entry, and nothing private is sent there", async () => {
    const env = {
      NX_SELF_HOSTED_REMOTE_CACHE_SERVER: server.url,
      NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: 'secret',
    };
    const { result } = await workspace.run<LimitsResult>('limits', {}, env);
    expect(result.remoteKind).toBe('other');
    expect(result.steps).toMatchObject({
      'with --skip-remote-cache': 'local: run 1',
      'fetched after the session has made it': 'miss: nothing',
      'run by an agent': 'miss: run 2',
      'run here': 'success: run 3',
      uploaded: 'none: nothing',
    });
    const requests = (method: string) => server.requests.filter((line) => line.startsWith(method)).length;
    // Plain Nx has asked and stored at first; the agent has stored what it made, and sent its own entry once more.
    expect([requests('GET'), requests('PUT')]).toEqual([1, 3]);
  });
});
