import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { detectRemoteKind, useRemoteCache } from './remote-cache';

const OURS = { url: 'http://coordinator', token: 'secret' };

describe('which remote cache Nx would use', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'remote-kind-'));
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('is that of dte only while dte has configured it', () => {
    const env: NodeJS.ProcessEnv = {};
    expect(detectRemoteKind(root, OURS, env)).toBe('none');
    const lease = useRemoteCache(OURS, root, env);
    expect(lease.kind).toBe('ours');
    expect(env).toEqual({
      NX_SELF_HOSTED_REMOTE_CACHE_SERVER: 'http://coordinator',
      NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN: 'secret',
      // No proxy leads to a port of this machine, and Nx's client asks HTTP_PROXY for that too.
      NO_PROXY: 'coordinator',
      no_proxy: 'coordinator',
    });
    expect(detectRemoteKind(root, OURS, env)).toBe('ours');
    lease.release();
    lease.release();
    expect(env).toEqual({});
  });

  it('adds our address to those that the user reaches without a proxy, and takes it back', () => {
    const env: NodeJS.ProcessEnv = { NO_PROXY: '10.0.0.0/8' };
    const lease = useRemoteCache(OURS, root, env);
    expect([env['NO_PROXY'], env['no_proxy']]).toEqual(['coordinator,10.0.0.0/8', 'coordinator,10.0.0.0/8']);
    lease.release();
    expect(env).toEqual({ NO_PROXY: '10.0.0.0/8' });
  });

  it('is the server that the user configured', () => {
    const env: NodeJS.ProcessEnv = { NX_SELF_HOSTED_REMOTE_CACHE_SERVER: 'http://theirs' };
    expect(useRemoteCache(OURS, root, env).kind).toBe('other');
    expect(env).toEqual({ NX_SELF_HOSTED_REMOTE_CACHE_SERVER: 'http://theirs' });
  });

  it('is that of an Nx package when one is installed', () => {
    mkdirSync(join(root, 'node_modules/@nx/s3-cache'), { recursive: true });
    writeFileSync(join(root, 'node_modules/@nx/s3-cache/index.js'), '');
    expect(useRemoteCache(OURS, root, {}).kind).toBe('other');
  });
});
