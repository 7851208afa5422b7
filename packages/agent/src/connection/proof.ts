import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { DteError, type Hello, type ProofBinding, type Welcome, proofInput } from '@org/dte-protocol';

/** 32 random bytes in hex. */
export const newNonce = (): string => randomBytes(32).toString('hex');

/** The proof of one side of a handshake: HMAC-SHA256 over `proofInput`, hex. */
export const prove = (
  secret: string,
  speaker: 'client' | 'server',
  serverNonce: string,
  hello: Omit<Hello, 'proof'>,
  binding: ProofBinding,
): string =>
  createHmac('sha256', secret)
    .update(proofInput(speaker, serverNonce, hello, binding))
    .digest('hex');

/**
 * Refuses a coordinator that does not know our secret: it could be anybody who took over the address, and would be
 * given the hashes and outputs of the workspace.
 * @throws DteError DTE_BAD_SECRET
 */
export function verifyServer(
  secret: string,
  welcome: Welcome,
  serverNonce: string,
  hello: Omit<Hello, 'proof'>,
  binding: ProofBinding,
): void {
  const expected = Buffer.from(prove(secret, 'server', serverNonce, hello, binding));
  const given = Buffer.from(welcome.proof ?? '');
  if (given.length === expected.length && timingSafeEqual(given, expected)) return;
  throw new DteError(
    'DTE_BAD_SECRET',
    welcome.proof === null
      ? 'The coordinator has no secret, but DTE_SECRET is set here: it may not be the one of this pipeline.'
      : 'The coordinator could not prove that it knows DTE_SECRET.',
  );
}
