import { addAbortSignal, type Duplex, type Readable } from 'node:stream';
import type { GetObjectCommand, PutObjectCommand, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { agentsOf } from './agents';
import { bucketError, errorFields } from './bucket-error';
import { LOAD_AFTER_MS, PAGE_KEYS, type Patience, PATIENCE } from './limits';
import { lazySdk, type Sdk } from './sdk';

/** Where a bucket is and how it is reached. */
export interface BucketOptions {
  readonly bucket: string;
  /** Default: what the SDK finds (AWS_REGION, profiles); `us-east-1` with an endpoint, where regions have no meaning. */
  readonly region?: string;
  /** Default: AWS. */
  readonly endpoint?: string;
  /** The bucket is part of the path and not of the host. */
  readonly forcePathStyle: boolean;
  /** Default: the SDK's own chain. */
  readonly credentials?: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  /** CA certificates (PEM) that are trusted in addition to the usual ones. */
  readonly authorities: readonly string[];
  /**
   * A connection through a proxy to the server of an address; null if it is reached directly. TLS, if the address has it, is
   * spoken through that connection. Default: always directly.
   */
  readonly throughProxy?: (target: URL) => Promise<Duplex> | null;
  /** The SDK is taken from there. */
  readonly workspaceRoot: string;
  /** For specs. */
  readonly patience?: Patience;
}

export interface FoundObject {
  readonly bytes: number;
  /** Our metadata; null if it has none. */
  readonly text: string | null;
  /** Computed by the server, in hex; null if it does not say. Only of objects that were written with a checksum, in one piece. */
  readonly sha256: string | null;
  readonly etag: string | null;
}

export interface ListedKey {
  readonly key: string;
  readonly bytes: number;
}

/** Of what a server compares with the bytes of a request. */
const CHECKSUM_HEADER = 'x-amz-checksum-sha256';
/** A sha256 in base64. */
const DIGEST_CHARS = 44;
/** The name of our metadata (`x-amz-meta-dte`). */
const METADATA = 'dte';
/** Where S3-compatible servers are that know no regions. */
const ANY_REGION = 'us-east-1';

/** The requests that we make to a bucket. Every error names the bucket, the endpoint and the status. */
export class Bucket {
  readonly where: string;
  readonly sdk: () => Sdk;
  private clientOrNull: S3Client | null = null;
  private readonly loading: NodeJS.Timeout;
  /** True once a request has shown that the bucket exists. */
  private isProven = false;

  /** @throws DteError DTE_BAD_CONFIG if the SDK is not installed */
  constructor(private readonly options: BucketOptions) {
    const { bucket, endpoint, workspaceRoot } = options;
    this.where = `s3://${bucket}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
    this.sdk = lazySdk(workspaceRoot);
    this.loading = setTimeout(() => this.client(), LOAD_AFTER_MS).unref();
  }

  get name(): string {
    return this.options.bucket;
  }

  client(): S3Client {
    return (this.clientOrNull ??= new (this.sdk().s3.S3Client)(clientConfig(this.options)));
  }

  /** Null if there is no such object. @param how `withChecksum`: servers that have one say it only if they are asked */
  async head(key: string, signal: AbortSignal, { withChecksum = false } = {}): Promise<FoundObject | null> {
    const { HeadObjectCommand } = this.sdk().s3;
    try {
      const mode = withChecksum ? { ChecksumMode: 'ENABLED' as const } : {};
      const command = new HeadObjectCommand({ Bucket: this.name, Key: key, ...mode });
      const answer = await this.client().send(command, { abortSignal: signal });
      this.isProven = true;
      const { ContentLength: bytes = 0, Metadata, ETag: etag = null, ChecksumSHA256: sum } = answer;
      // A sum of sums (of an object in parts) has a suffix: it is no digest of the bytes.
      const sha256 = sum?.length === DIGEST_CHARS ? Buffer.from(sum, 'base64').toString('hex') : null;
      return { bytes, text: Metadata?.[METADATA] ?? null, sha256, etag };
    } catch (thrown) {
      if (errorFields(thrown).status !== 404) throw this.error('looking into', thrown);
      await this.prove(key, signal);
      return null;
    }
  }

  /** An answer to HEAD does not tell a bucket that is missing from an object that is. */
  private async prove(key: string, signal: AbortSignal): Promise<void> {
    if (this.isProven) return;
    await this.page({ Prefix: key, MaxKeys: 1 }, signal);
  }

  /** The bytes of an object; null if there is none. */
  async get(key: string, signal: AbortSignal): Promise<Readable | null> {
    const { GetObjectCommand } = this.sdk().s3;
    try {
      const command = new GetObjectCommand({ Bucket: this.name, Key: key });
      const { Body } = await this.client().send(command, { abortSignal: signal });
      // On Node it is always the answer itself. Not every version of the SDK ends a body with the signal.
      return Body === undefined ? null : addAbortSignal(signal, Body as Readable);
    } catch (thrown) {
      if (errorFields(thrown).name === 'NoSuchKey') return null;
      throw this.error('reading from', thrown);
    }
  }

  async presign(key: string, lifetimeMs: number): Promise<{ url: string; expiresAtMs: number }> {
    const { s3 } = this.sdk();
    return this.sign(new s3.GetObjectCommand({ Bucket: this.name, Key: key }), lifetimeMs);
  }

  /**
   * An address that takes an object of exactly these bytes: their number and their checksum are headers that are signed, and a server
   * compares both with what arrives.
   * @param sha256 in hex
   */
  async presignWrite(
    key: string,
    { bytes, sha256 }: { readonly bytes: number; readonly sha256: string },
    lifetimeMs: number,
  ): Promise<{ url: string; expiresAtMs: number; headers: Record<string, string> }> {
    const { s3 } = this.sdk();
    const sum = Buffer.from(sha256, 'hex').toString('base64');
    const headers = { 'content-length': String(bytes), [CHECKSUM_HEADER]: sum };
    const write = { Bucket: this.name, Key: key, ContentLength: bytes, ChecksumSHA256: sum };
    const names = Object.keys(headers);
    const signed = await this.sign(new s3.PutObjectCommand(write), lifetimeMs, {
      // In the address instead, it would be up to the server whether it counts.
      unhoistableHeaders: new Set([CHECKSUM_HEADER]),
      signableHeaders: new Set(['host', ...names]),
    });
    const ofAddress = new URL(signed.url).searchParams.get('X-Amz-SignedHeaders')?.split(';') ?? [];
    // With another version of the SDK, it might be an address for anything.
    if (!names.every((name) => ofAddress.includes(name)))
      throw this.error('signing an address of', new Error('the AWS SDK does not sign size and checksum'));
    return { ...signed, headers };
  }

  private async sign(
    command: GetObjectCommand | PutObjectCommand,
    lifetimeMs: number,
    how: { readonly unhoistableHeaders?: Set<string>; readonly signableHeaders?: Set<string> } = {},
  ): Promise<{ url: string; expiresAtMs: number }> {
    try {
      // An address ends with the credentials that signed it.
      const { expiration } = await this.client().config.credentials();
      const ownMs = expiration === undefined ? Infinity : expiration.getTime() - Date.now();
      const expiresIn = Math.max(1, Math.floor(Math.min(lifetimeMs, ownMs) / 1_000));
      const expiresAtMs = Date.now() + expiresIn * 1_000;
      const { getSignedUrl } = this.sdk().presigner;
      return { url: await getSignedUrl(this.client(), command, { ...how, expiresIn }), expiresAtMs };
    } catch (thrown) {
      throw this.error('signing an address of', thrown);
    }
  }

  /** Writes an empty object: all that it says is in its name. */
  async mark(key: string, signal: AbortSignal): Promise<void> {
    const { PutObjectCommand } = this.sdk().s3;
    try {
      const command = new PutObjectCommand({ Bucket: this.name, Key: key, Body: '', ContentLength: 0 });
      await this.client().send(command, { abortSignal: signal });
    } catch (thrown) {
      throw this.error('writing to', thrown);
    }
  }

  /** What an upload of an entry needs, for the client. */
  target(key: string, text: string) {
    return { Bucket: this.name, Key: key, Metadata: { [METADATA]: text } };
  }

  /** One key a request: servers differ in what they require of a request for many, and some have none. */
  async delete(key: string, signal: AbortSignal): Promise<void> {
    const { DeleteObjectCommand } = this.sdk().s3;
    try {
      const command = new DeleteObjectCommand({ Bucket: this.name, Key: key });
      await this.client().send(command, { abortSignal: signal });
    } catch (thrown) {
      throw this.error('removing from', thrown);
    }
  }

  /** The keys that begin with a prefix, page by page. @param after only keys behind this text */
  async *pages(prefix: string, after: string | null, signal: AbortSignal): AsyncGenerator<ListedKey[], void> {
    let next: string | undefined;
    do {
      const start = next === undefined && after !== null ? { StartAfter: after } : {};
      const token = next === undefined ? {} : { ContinuationToken: next };
      const page = await this.page({ Prefix: prefix, MaxKeys: PAGE_KEYS, ...start, ...token }, signal);
      yield page.keys;
      next = page.next;
    } while (next !== undefined);
  }

  private async page(
    question: { Prefix: string; MaxKeys: number; StartAfter?: string; ContinuationToken?: string },
    signal: AbortSignal,
  ): Promise<{ keys: ListedKey[]; next: string | undefined }> {
    const { ListObjectsV2Command } = this.sdk().s3;
    try {
      const command = new ListObjectsV2Command({ Bucket: this.name, ...question });
      const answer = await this.client().send(command, { abortSignal: signal });
      this.isProven = true;
      const keys = (answer.Contents ?? []).map(({ Key = '', Size = 0 }) => ({ key: Key, bytes: Size }));
      return { keys, next: answer.IsTruncated === true ? answer.NextContinuationToken : undefined };
    } catch (thrown) {
      throw this.error('listing', thrown);
    }
  }

  error(what: string, thrown: unknown): Error {
    return bucketError(this.where, what, thrown);
  }

  close(): void {
    clearTimeout(this.loading);
    this.clientOrNull?.destroy();
  }
}

function clientConfig(options: BucketOptions): S3ClientConfig {
  const { endpoint, forcePathStyle, credentials, authorities, patience = PATIENCE } = options;
  const { throughProxy = () => null } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : ANY_REGION);
  return {
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle,
    maxAttempts: patience.attempts,
    // Every reader compares a digest of ours. Many S3-compatible servers do not understand the SDK's checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The SDK's requests for credentials go the same way: it passes this on to STS.
    requestHandler: {
      connectionTimeout: patience.connectMs,
      socketTimeout: patience.idleMs,
      ...agentsOf({ authorities, throughProxy }),
    },
  };
}
