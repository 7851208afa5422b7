import { z } from 'zod';

/** What errors of the SDK, of Node and of credential providers have in common with each other. */
const fieldsSchema = z.object({
  name: z.string().catch(''),
  message: z.string().catch(''),
  code: z.string().optional().catch(undefined),
  $metadata: z.object({ httpStatusCode: z.number().optional() }).optional().catch(undefined),
});

interface ErrorFields {
  readonly name: string;
  readonly message: string;
  /** Of Node's network errors. */
  readonly code: string | null;
  /** Null if there was no answer. */
  readonly status: number | null;
}

export function errorFields(thrown: unknown): ErrorFields {
  const parsed = fieldsSchema.safeParse(thrown);
  if (!parsed.success) return { name: '', message: String(thrown), code: null, status: null };
  const { name, message, code, $metadata } = parsed.data;
  return { name, message, code: code ?? null, status: $metadata?.httpStatusCode ?? null };
}

/** By the names of S3's errors and of the SDK's own. */
const HINTS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket (option s3Bucket, DTE_S3_BUCKET)',
  PermanentRedirect: 'the bucket is in another region (option s3Region, DTE_S3_REGION)',
  AuthorizationHeaderMalformed: 'the bucket is in another region (option s3Region, DTE_S3_REGION)',
  InvalidAccessKeyId: 'the access key is unknown there (DTE_S3_ACCESS_KEY_ID)',
  SignatureDoesNotMatch: 'the secret key is another (DTE_S3_SECRET_ACCESS_KEY)',
  ExpiredToken: 'the credentials have expired',
  AccessDenied:
    'these credentials may not do that (s3:GetObject, s3:PutObject, s3:DeleteObject, s3:ListBucket)',
  CredentialsProviderError:
    'there are no credentials (DTE_S3_ACCESS_KEY_ID and DTE_S3_SECRET_ACCESS_KEY, or those of the AWS SDK)',
  InvalidIdentityTokenException: 'the id token is not accepted there (AWS_WEB_IDENTITY_TOKEN_FILE)',
  ExpiredTokenException: 'the id token has expired (AWS_WEB_IDENTITY_TOKEN_FILE)',
};

/** A HEAD has no text in its answer: the status is all there is. */
const HINTS_BY_STATUS: Readonly<Record<number, string>> = {
  301: HINTS['PermanentRedirect'] ?? '',
  403: 'these credentials are wrong, or may not do that',
};

/** What could not be done with a bucket, and why. The error of the SDK is the cause. */
export function bucketError(where: string, what: string, thrown: unknown): Error {
  const { name, message, code, status } = errorFields(thrown);
  if (name === 'AbortError' && thrown instanceof Error) return thrown;
  const hint = HINTS[name] ?? (status === null ? undefined : HINTS_BY_STATUS[status]);
  const facts = [status === null ? code : `status ${status}`, name === 'Error' ? null : name]
    .filter((fact) => fact !== null && fact !== '')
    .join(', ');
  // Of a server that speaks no S3, the SDK has this message and nothing to say.
  const said = message === 'UnknownError' || message === '' ? null : oneLine(message);
  const why = [hint, said].filter((part) => part !== undefined && part !== null).join(': ');
  return new Error(
    `${what} ${where} failed${facts === '' ? '' : ` (${facts})`}${why === '' ? '' : `: ${why}`}`,
    { cause: thrown },
  );
}

/** Characters of a server's message that are shown. */
const MESSAGE_CHARS = 300;

/** It comes from a server: it must not be able to draw on a terminal. */
const oneLine = (text: string): string =>
  // eslint-disable-next-line no-control-regex
  text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').slice(0, MESSAGE_CHARS);

/** What an error of a write that is only for a new key means; null: it is no answer to that condition. */
export function conditionalOutcome(thrown: unknown): 'exists' | 'unsupported' | null {
  const { name, status } = errorFields(thrown);
  // 409: another write of the key is under way or was just completed. The caller looks again.
  if (status === 412 || status === 409) return 'exists';
  return status === 501 || name === 'NotImplemented' ? 'unsupported' : null;
}
