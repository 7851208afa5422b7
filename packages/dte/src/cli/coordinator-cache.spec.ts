import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '@org/dte-config';
import type { CliContext } from './context';
import { openSharedCache } from './shared-cache';

const ISSUERS = ['https://gitlab.example.com'];

describe('the store "coordinator"', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-cache-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const contextWith = (flags: object): CliContext => ({
    resolved: resolveConfig({ flags: { dataDir: folder, ...flags }, env: {}, nxJson: {} }),
    surroundings: { job: null, authorities: null } as unknown as CliContext['surroundings'],
    workspaceRoot: folder,
    sessionId: 'local',
    rendezvous: null,
  });

  it('is a folder in the data folder of a standalone coordinator, which is not touched before its lock is held', async () => {
    const store = await openSharedCache(contextWith({ cache: 'coordinator' }), {
      embedded: false,
      issuers: ISSUERS,
    });
    expect(store?.description).toBe(`the cache of the coordinator in ${join(folder, 'cache')}`);
    expect(existsSync(join(folder, 'cache'))).toBe(false);
    await store?.close();
  });

  it('is refused for a coordinator that ends with its job, with what to use instead', async () => {
    const opening = openSharedCache(contextWith({ cache: 'coordinator' }), {
      embedded: true,
      issuers: ISSUERS,
    });
    await expect(opening).rejects.toMatchObject({
      code: 'DTE_BAD_CONFIG',
      message: expect.stringMatching(/"s3" or "gitlab-artifacts".*DTE_COORDINATOR_URL/) as string,
    });
  });

  it('is refused without id tokens', async () => {
    const opening = openSharedCache(contextWith({ cache: 'coordinator' }), { embedded: false, issuers: [] });
    await expect(opening).rejects.toMatchObject({ code: 'DTE_BAD_CONFIG' });
  });
});
