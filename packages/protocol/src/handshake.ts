import { z } from 'zod';
import { agentIdSchema, labelSchema, sessionIdSchema } from './ids';
import { LIMITS } from './limits';

const nonceSchema = z.string().regex(/^[0-9a-f]{32,128}$/);
const proofSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** First frame of every connection, from the coordinator. */
export const challengeSchema = z.strictObject({
  type: z.literal('challenge'),
  protocolVersion: z.int(),
  serverNonce: nonceSchema,
});
export type Challenge = z.infer<typeof challengeSchema>;

/** What must be equal on main job and agents for a hash to mean the same on both. */
export const identitySchema = z.strictObject({
  /** Commit checked out; null when there is no git (then it is not compared). */
  commit: labelSchema(128).nullable(),
  nxVersion: labelSchema(64),
  nodeVersion: labelSchema(64),
  /** `linux-x64` and the like; reported, not compared. */
  platform: labelSchema(64),
});
export type Identity = z.infer<typeof identitySchema>;

export const roleSchema = z.enum(['main', 'agent', 'observer']);
export type Role = z.infer<typeof roleSchema>;

/** The client's answer to the challenge. */
export const helloSchema = z.strictObject({
  type: z.literal('hello'),
  protocolVersion: z.int(),
  role: roleSchema,
  sessionId: sessionIdSchema,
  /** Stable over reconnects of the same process. */
  clientId: agentIdSchema,
  /** For people: CI_JOB_NAME, or host and process id. */
  name: labelSchema(256),
  jobUrl: labelSchema(2048).nullable(),
  clientNonce: nonceSchema,
  /** HMAC-SHA256 over `proofInput('client', ...)`, hex; null when no secret is configured. */
  proof: proofSchema.nullable(),
  identity: identitySchema,
  /** Agents only: slots fixed by --slots; null means the run's --parallel. */
  slots: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
  labels: z.array(labelSchema(128)).max(32),
});
export type Hello = z.infer<typeof helloSchema>;

/** The coordinator's acceptance. */
export const welcomeSchema = z.strictObject({
  type: z.literal('welcome'),
  /** HMAC-SHA256 over `proofInput('server', ...)`, hex; the client refuses a coordinator that cannot give it. */
  proof: proofSchema.nullable(),
  /** Bearer token for the HTTP endpoints; bound to session, role and client. */
  token: z.string().min(1).max(512),
  heartbeatMs: z.int().positive(),
  leaseMs: z.int().positive(),
});
export type Welcome = z.infer<typeof welcomeSchema>;

/**
 * The exact text both sides sign. It names the speaker, so that one side's proof cannot be played back as the
 * other's, and everything the hello claims that decides what it may do.
 */
export function proofInput(
  speaker: 'client' | 'server',
  serverNonce: string,
  hello: Omit<Hello, 'proof'>,
): string {
  return [
    'dte-proof-v1',
    speaker,
    serverNonce,
    hello.clientNonce,
    hello.role,
    hello.sessionId,
    hello.clientId,
    String(hello.protocolVersion),
  ].join('\n');
}
