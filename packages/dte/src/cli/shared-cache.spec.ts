import { resolveConfig } from '@org/dte-config';
import { REPOSITORY } from '@org/dte-testing';
import { openBucket } from '@org/dte-cache';

/** As the process of a coordinator does it. */
const open = async (env: Record<string, string>) =>
  openBucket(resolveConfig({ env: { DTE_CACHE: 's3', ...env } }).config, {
    authorities: [],
    workspaceRoot: REPOSITORY,
  });
const BUCKET = { DTE_S3_BUCKET: 'ci-cache' };

describe('the bucket of the option cache', () => {
  it.each([
    [BUCKET, 'the bucket s3://ci-cache/dte'],
    [{ ...BUCKET, DTE_S3_PREFIX: 'a/b' }, 'the bucket s3://ci-cache/a/b'],
    [
      { ...BUCKET, DTE_S3_ENDPOINT: 'https://minio.example.com/' },
      'the bucket s3://ci-cache/dte at https://minio.example.com',
    ],
    [{ ...BUCKET, DTE_S3_ACCESS_KEY_ID: 'k', DTE_S3_SECRET_ACCESS_KEY: 's' }, 'the bucket s3://ci-cache/dte'],
  ])('is opened by %j', async (env, description) => {
    const cache = await open(env);
    expect(cache.description).toBe(description);
    await cache.close();
  });

  it.each([
    [{}, 'no bucket is named (option s3Bucket, DTE_S3_BUCKET)'],
    [{ ...BUCKET, DTE_S3_ACCESS_KEY_ID: 'k' }, 'one is missing'],
    [{ ...BUCKET, DTE_S3_SESSION_TOKEN: 't' }, 'one is missing'],
    [{ DTE_S3_BUCKET: 's3://ci-cache/x' }, 'expected the name of a bucket, such as ci-cache'],
    [{ ...BUCKET, DTE_S3_PREFIX: '../x' }, 'expected a prefix such as ci/dte'],
    [{ ...BUCKET, DTE_S3_PREFIX: '/x/' }, 'expected a prefix such as ci/dte'],
    [{ ...BUCKET, DTE_S3_ENDPOINT: 'minio' }, 'expected an address'],
  ])('is refused for %j', async (env, why) => {
    await expect(open(env)).rejects.toThrow(why);
    await expect(open(env)).rejects.toMatchObject({ code: 'DTE_BAD_CONFIG' });
  });

  it('shows no secret that is malformed', async () => {
    const env = { ...BUCKET, DTE_S3_ACCESS_KEY_ID: 'k', DTE_S3_SECRET_ACCESS_KEY: 'hidden\nhidden' };
    await expect(open(env)).rejects.not.toThrow('hidden');
  });
});
