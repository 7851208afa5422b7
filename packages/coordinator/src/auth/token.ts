import { createHmac, randomBytes } from 'node:crypto';
import { sameText } from '@org/dte-identity';
import { agentIdSchema, DteError, LIMITS, type Role, roleSchema, sessionIdSchema } from '@org/dte-protocol';
import { z } from 'zod';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';

/**
 * Who a token is for. A viewer is a person who looks at the report of one session; no client connects as one, and the token is
 * accepted by nothing else (`Endpoint.roles`).
 */
export type Caller = Role | 'viewer';

/** The claims of a token. */
export interface Claims {
  readonly sessionId: string;
  readonly role: Caller;
  readonly clientId: string;
  readonly expiresAtMs: number;
}

const claimsSchema = z.tuple([
  sessionIdSchema,
  z.enum([...roleSchema.options, 'viewer']),
  agentIdSchema,
  z.int(),
]);

const KEY_FILE = 'token-key';

/**
 * Bearer tokens of the HTTP endpoints: `<claims>.<HMAC-SHA256>`, both base64url. They are stateless and therefore
 * survive a restart of the coordinator: the key is in the data folder.
 */
export class TokenIssuer {
  private readonly verified = new Map<string, Claims>();

  constructor(
    private readonly key: Buffer,
    private readonly now: () => number,
  ) {}

  issue({ sessionId, role, clientId, expiresAtMs }: Claims): string {
    const payload = Buffer.from(JSON.stringify([sessionId, role, clientId, expiresAtMs])).toString(
      'base64url',
    );
    return `${payload}.${this.sign(payload)}`;
  }

  /** @throws DteError DTE_UNAUTHORIZED */
  verify(token: string): Claims {
    const known = this.verified.get(token);
    const claims = known ?? this.parse(token);
    if (claims.expiresAtMs <= this.now()) {
      this.verified.delete(token);
      throw unauthorized('The token of this request has expired.');
    }
    if (known === undefined) this.remember(token, claims);
    return claims;
  }

  /** A key for another purpose, from which this one cannot be found out. */
  keyFor(purpose: string): Buffer {
    return createHmac('sha256', this.key).update(`dte-key-v1\n${purpose}`).digest();
  }

  private parse(token: string): Claims {
    const [payload, signature, ...rest] = token.split('.');
    if (
      payload === undefined ||
      signature === undefined ||
      rest.length > 0 ||
      !sameText(signature, this.sign(payload))
    ) {
      throw unauthorized('The token of this request was not issued by this coordinator.');
    }
    const [sessionId, role, clientId, expiresAtMs] = claimsSchema.parse(
      JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')),
    );
    return { sessionId, role, clientId, expiresAtMs };
  }

  private remember(token: string, claims: Claims): void {
    if (this.verified.size >= LIMITS.tokensRemembered.value) this.verified.clear();
    this.verified.set(token, claims);
  }

  private sign(payload: string): string {
    return createHmac('sha256', this.key).update(`dte-token-v1\n${payload}`).digest('base64url');
  }
}

export const unauthorized = (message: string): DteError => new DteError('DTE_UNAUTHORIZED', message);

/**
 * The signing key of tokens, derived from the key in the data folder and from credentials that are not stored there. A
 * task of the job that a coordinator is part of can read the folder, and must not be able to create a token.
 */
export const boundKey = (kept: Buffer, known: readonly (string | null)[]): Buffer =>
  createHmac('sha256', kept).update(JSON.stringify(known)).digest();

/** The key of a data folder; created if there is none. */
export async function loadTokenKey(fs: FileSystem, dataDir: string): Promise<Buffer> {
  try {
    const key = Buffer.from((await fs.readFile(`${dataDir}/${KEY_FILE}`)).toString('utf8').trim(), 'hex');
    if (key.length === 32) return key;
  } catch (thrown) {
    if (!isNotFound(thrown)) throw thrown;
  }
  const key = randomBytes(32);
  await writeFileAtomically(fs, dataDir, KEY_FILE, `${key.toString('hex')}\n`);
  return key;
}
