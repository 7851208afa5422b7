import { createHmac, randomBytes } from 'node:crypto';
import { sameText } from '@org/dte-identity';
import { agentIdSchema, DteError, LIMITS, type Role, roleSchema, sessionIdSchema } from '@org/dte-protocol';
import { z } from 'zod';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';
import { type CacheGrant, packedGrantSchema, packGrant, unpackGrant } from './cache-grant';

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
  /** Null: nothing of the shared cache. */
  readonly grant: CacheGrant | null;
}

const withoutGrant = [
  sessionIdSchema,
  z.enum([...roleSchema.options, 'viewer']),
  agentIdSchema,
  z.int(),
] as const;
/** Tokens of 0.1.0 had no grant; those without one still have that shape. */
const claimsSchema = z.union([z.tuple(withoutGrant), z.tuple([...withoutGrant, packedGrantSchema])]);

/** What every version takes. Only a long ref makes a token longer, and then it is left out. */
const USUAL_CHARS = 512;

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

  /** A grant that makes a token too long is left out: the client then does without the shared cache. */
  issue({ grant, ...claims }: Claims): string {
    if (grant === null) return this.encode(claims, null);
    const token = this.encode(claims, grant);
    if (token.length <= USUAL_CHARS) return token;
    const shorter = this.encode(claims, { ...grant, ref: null });
    return shorter.length <= LIMITS.tokenChars.value ? shorter : this.encode(claims, null);
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

  /** The claims of a token that was verified before and has not expired; null: `verify` says. */
  knownClaims(token: string): Claims | null {
    const known = this.verified.get(token);
    return known !== undefined && known.expiresAtMs > this.now() ? known : null;
  }

  /** A key for another purpose, from which this one cannot be found out. */
  keyFor(purpose: string): Buffer {
    return createHmac('sha256', this.key).update(`dte-key-v1\n${purpose}`).digest();
  }

  private encode(
    { sessionId, role, clientId, expiresAtMs }: Omit<Claims, 'grant'>,
    grant: CacheGrant | null,
  ): string {
    const parts = [sessionId, role, clientId, expiresAtMs, ...(grant === null ? [] : [packGrant(grant)])];
    const payload = Buffer.from(JSON.stringify(parts)).toString('base64url');
    return `${payload}.${this.sign(payload)}`;
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
    const parsed = claimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
    if (!parsed.success)
      throw unauthorized('The token of this request was issued by another version of this coordinator.');
    const [sessionId, role, clientId, expiresAtMs, packed] = parsed.data;
    const grant = packed === undefined ? null : unpackGrant(packed);
    return { sessionId, role, clientId, expiresAtMs, grant };
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
