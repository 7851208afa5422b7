import { z } from 'zod';
import { canonicalJson } from './canonical-json';
import { agentIdSchema, labelSchema, runIdSchema, sessionIdSchema } from './ids';
import { introductionSchema } from './introduction';
import { LIMITS } from './limits';
import { errorMessageSchema } from './main-messages';

const nonceSchema = z.string().regex(/^[0-9a-f]{32,128}$/);
const proofSchema = z.string().regex(/^[0-9a-f]{64}$/);
const tokenSchema = z.string().min(1).max(512);
/** A JWT in its compact form. Its content is for those who verify it: see packages/identity. */
const idTokenSchema = z
  .string()
  .max(LIMITS.idTokenBytes.value)
  .regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/, 'must be a JWT');

/**
 * What a proof is bound to besides the words of the handshake: `tls-exporter` is keying material that only the two ends
 * of one TLS connection have (after RFC 9266), so that a proof made for one connection is worthless on any other.
 */
const channelBindingSchema = z.enum(['tls-exporter', 'none']);

/** Label and length in bytes of the keying material exported from a TLS connection for `tls-exporter`. */
export const CHANNEL_BINDING_EXPORT = { label: 'EXPORTER-dte-channel-binding', bytes: 32 } as const;

/** First frame of every connection, from the coordinator. */
export const challengeSchema = z.strictObject({
  type: z.literal('challenge'),
  protocolVersion: z.int(),
  serverNonce: nonceSchema,
  /**
   * `tls-exporter`: the coordinator's own socket is TLS and it insists on a bound proof; anything else: it is plain, or
   * a proxy ends the TLS, and there is nothing to bind to. A lie about it gains nothing: see `proofInput`.
   */
  channelBinding: channelBindingSchema.optional(),
});
export type Challenge = z.infer<typeof challengeSchema>;

/** What must be equal on main job and agents for a hash to mean the same on both. */
export const workspaceIdentitySchema = z.strictObject({
  /** Commit checked out; null when there is no git (then it is not compared). */
  commit: labelSchema(128).nullable(),
  nxVersion: labelSchema(64),
  nodeVersion: labelSchema(64),
  /** `linux-x64` and the like; compared when the main job says so. */
  platform: labelSchema(64),
  /** Lockfiles of the workspace's root: name -> SHA-256 of the content in hex. Omitted: not compared. */
  lockfiles: z.record(labelSchema(64), z.string().regex(/^[0-9a-f]{64}$/)).optional(),
  /** Said by a main job whose tasks depend on the platform: agents of another one are refused. */
  samePlatform: z.boolean().optional(),
});
export type WorkspaceIdentity = z.infer<typeof workspaceIdentitySchema>;

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
  ...introductionSchema.shape,
  clientNonce: nonceSchema,
  /** HMAC-SHA256 over `proofInput` of the client, hex; null when no secret is configured. */
  proof: proofSchema.nullable(),
  /** GitLab's id token of the client's job. */
  idToken: idTokenSchema.nullable().optional(),
  /** The token of an earlier welcome: an id token may have expired when a long job reconnects. */
  sessionToken: tokenSchema.nullable().optional(),
  /** What `proof` is bound to; omitted: `none`. */
  channelBinding: channelBindingSchema.optional(),
  identity: workspaceIdentitySchema,
  /** Agents only: slots fixed by --slots; null means the run's --parallel. */
  slots: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
  labels: z.array(labelSchema(128)).max(32),
  /** Agents only: takes tasks of this run and of no other. The main job's own worker, which shares its disk with that run. */
  onlyRun: runIdSchema.optional(),
});
export type Hello = z.infer<typeof helloSchema>;

/** The coordinator's acceptance. */
export const welcomeSchema = z.strictObject({
  type: z.literal('welcome'),
  /** HMAC-SHA256 over `proofInput` of the server, hex; the client refuses a coordinator that cannot give it. */
  proof: proofSchema.nullable(),
  /** Bearer token for the HTTP endpoints; bound to session, role and client. */
  token: tokenSchema,
  /** GitLab's id token of the coordinator's own job; null when it has none (a standalone one is no job). */
  idToken: idTokenSchema.nullable().optional(),
  heartbeatMs: z.int().positive(),
  leaseMs: z.int().positive(),
});
export type Welcome = z.infer<typeof welcomeSchema>;

/** The coordinator's refusal. What comes after a welcome is an `errorMessageSchema`. */
export const refusalSchema = errorMessageSchema.extend({
  /**
   * As in `welcomeSchema`: a client with a secret shows the words of nobody who cannot give it. Omitted if there is no
   * secret, or no hello that could be read.
   */
  proof: proofSchema.optional(),
});
export type Refusal = z.infer<typeof refusalSchema>;

/** One handshake as one of its sides has seen it. Whatever differs from what the other side has seen spoils the proofs. */
export interface Handshake {
  readonly challenge: Challenge;
  readonly hello: Omit<Hello, 'proof'>;
  /**
   * Hex of the keying material exported from the TLS connection (`CHANNEL_BINDING_EXPORT`), each side its own;
   * `UNBOUND` when `hello.channelBinding` is not `tls-exporter`.
   */
  readonly channel: string;
}

/** `Handshake.channel` of a connection without TLS, or whose TLS ends at a proxy. */
export const UNBOUND = 'none';

/** Who signs, and of a coordinator the answer that it signs. */
export type Signed =
  | { readonly speaker: 'client' }
  | { readonly speaker: 'server'; readonly answer: Omit<Welcome, 'proof'> | Omit<Refusal, 'proof'> };

/**
 * The exact text a side signs: the messages themselves, whole but for their proof, so that a field which is added to one
 * of them later is covered without anybody having to think of it. It names the speaker, so that one side's proof cannot be
 * played back as the other's, and the connection: who ends the TLS in the middle has other keying material on each side
 * and can pass no proof on. A coordinator whose own socket is TLS takes no proof with `none`, so nobody can talk a client
 * out of binding it.
 */
export function proofInput(signed: Signed, { challenge, hello, channel }: Handshake): string {
  const answer = signed.speaker === 'server' ? signed.answer : null;
  return canonicalJson([
    'dte-proof-v2',
    signed.speaker,
    channel,
    challenge,
    { ...hello, proof: undefined },
    answer === null ? null : { ...answer, proof: undefined },
  ]);
}
