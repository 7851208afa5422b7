import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '@org/dte-config';
import { ForwardProxy, REPOSITORY } from '@org/dte-testing';
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

describe('the store "s3" behind a proxy', () => {
  const AREA = { issuer: ISSUERS[0] ?? '', projectId: '42', scope: 'trusted' } as const;
  const config = {
    cache: 's3',
    s3Bucket: 'ci-cache',
    s3Endpoint: 'http://bucket.test:9000',
    s3AccessKeyId: 'key',
    s3SecretAccessKey: 'secret',
  };
  const context = {
    resolved: resolveConfig({ flags: config, env: {}, nxJson: {} }),
    surroundings: { job: null, authorities: [] } as unknown as CliContext['surroundings'],
    workspaceRoot: REPOSITORY,
    sessionId: 'local',
    rendezvous: null,
  };
  const before = process.env['http_proxy'];
  afterEach(() => {
    if (before === undefined) delete process.env['http_proxy'];
    else process.env['http_proxy'] = before;
  });

  /** Nobody but the proxy knows the name of the bucket's server. */
  async function ask(): Promise<unknown> {
    const store = await openSharedCache(context, { embedded: false, issuers: ISSUERS });
    const signal = AbortSignal.timeout(30_000);
    try {
      return await store
        ?.find(AREA, [{ kind: 'cache', hash: '1' }], signal)
        .catch((thrown: unknown) => thrown);
    } finally {
      await store?.close();
    }
  }

  it('is asked through the proxy that the variables of the process name', async () => {
    const proxy = await ForwardProxy.start();
    try {
      process.env['http_proxy'] = proxy.url;
      proxy.refusal = 407;
      await ask();
      expect(proxy.requests).toContain('CONNECT bucket.test:9000');
    } finally {
      await proxy.close();
    }
  });

  it('answers with an error, and nothing ends, if the variable is wrong', async () => {
    process.env['http_proxy'] = 'socks5://127.0.0.1:1';
    expect(await ask()).toBeInstanceOf(Error);
  });
});
