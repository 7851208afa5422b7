import { DteError } from '@org/dte-protocol';
import type { SharedCache } from '../port/shared-cache';
import type { BucketOptions } from './bucket';
import { openS3Cache } from './s3-cache';

/** The options of a user, by their names. */
export interface BucketConfig {
  readonly s3Bucket?: string | undefined;
  readonly s3Prefix: string;
  readonly s3Region?: string | undefined;
  readonly s3Endpoint?: string | undefined;
  /** Default: with an endpoint, which seldom has a host name for each bucket. */
  readonly s3ForcePathStyle?: boolean | undefined;
  /** Default: true. */
  readonly s3DirectUploads?: boolean | undefined;
  readonly s3AccessKeyId?: string | undefined;
  readonly s3SecretAccessKey?: string | undefined;
  readonly s3SessionToken?: string | undefined;
}

/** Where the process is that opens a bucket. */
export type BucketPlace = Pick<BucketOptions, 'authorities' | 'throughProxy' | 'workspaceRoot'>;

/**
 * Opens the bucket of a user's options. No request is made yet, and the AWS SDK is loaded later.
 * @throws DteError DTE_BAD_CONFIG: no bucket, half of the credentials, or no SDK, with the command that installs it
 */
export function openBucket(config: BucketConfig, place: BucketPlace): SharedCache {
  const { s3Bucket, s3Prefix, s3Region, s3Endpoint, s3ForcePathStyle, s3DirectUploads = true } = config;
  if (s3Bucket === undefined) throw bad('no bucket is named (option s3Bucket, DTE_S3_BUCKET)');
  const credentials = credentialsIn(config);
  return openS3Cache({
    ...place,
    bucket: s3Bucket,
    prefix: s3Prefix,
    ...(s3Region === undefined ? {} : { region: s3Region }),
    ...(s3Endpoint === undefined ? {} : { endpoint: s3Endpoint }),
    directUploads: s3DirectUploads,
    forcePathStyle: s3ForcePathStyle ?? s3Endpoint !== undefined,
    ...(credentials === null ? {} : { credentials }),
  });
}

/** Null: the AWS SDK looks for them. */
function credentialsIn({
  s3AccessKeyId: accessKeyId,
  s3SecretAccessKey: secretAccessKey,
  s3SessionToken: sessionToken,
}: BucketConfig): BucketOptions['credentials'] | null {
  if (accessKeyId === undefined && secretAccessKey === undefined && sessionToken === undefined) return null;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw bad('of DTE_S3_ACCESS_KEY_ID and DTE_S3_SECRET_ACCESS_KEY, one is missing');
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

const bad = (why: string): DteError =>
  new DteError(
    'DTE_BAD_CONFIG',
    `The shared cache in a bucket (option cache, DTE_CACHE=s3) cannot be used: ${why}. docs/how-to/shared-cache.md, "A bucket", has all of it.`,
  );
