import { z } from 'zod';
import { canonicalJson } from './canonical-json';
import { agentIdSchema, labelSchema, runIdSchema, sessionIdSchema } from './ids';
import { introductionSchema } from './introduction';
import { capacitySchema } from './capacity';
import { LIMITS } from './limits';
import { errorMessageSchema } from './main-messages';

const nonceSchema = z.string().regex(/^[0-9a-f]{32,128}$/);
const proofSchema = z.string().regex(/^[0-9a-f]{64}$/);
const tokenSchema = z.string().min(1).max(LIMITS.tokenChars.value);
/** A JWT in its compact form. Its content is parsed where it is verified: see packages/identity. */
const idTokenSchema = z
  .string()
  .max(LIMITS.idTokenBytes.value)
  .regex(/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*$/, 'must be a JWT');

/**
 * What a proof is bound to in addition to the handshake messages. `tls-exporter` is keying material that only the two
 * ends of one TLS connection have (after RFC 9266), so a proof for one connection is worthless on any other.
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
   * `tls-exporter`: the coordinator's own socket is TLS, and it requires a bound proof. Any other value: the socket is
   * plain, or a proxy terminates TLS, and there is nothing to bind to. A false value gains nothing: see `proofInput`.
   */
  channelBinding: channelBindingSchema.optional(),
});
export type Challenge = z.infer<typeof challengeSchema>;

/** What must be equal on main job and agents, so that a hash means the same on both. */
export const workspaceIdentitySchema = z.strictObject({
  /** The commit that is checked out; null without git (then it is not compared). */
  commit: labelSchema(128).nullable(),
  nxVersion: labelSchema(64),
  nodeVersion: labelSchema(64),
  /** For example `linux-x64`; compared only if the main job requires it. */
  platform: labelSchema(64),
  /** Lockfiles in the workspace root: name -> SHA-256 of the content in hex. Omitted: not compared. */
  lockfiles: z.record(labelSchema(64), z.string().regex(/^[0-9a-f]{64}$/)).optional(),
  /**
   * Path of the workspace from the root of its git repository, with a slash at the end; empty at the root. A repository
   * may have several workspaces with tasks of the same names. Omitted: not compared.
   */
  folder: z.string().max(4096).optional(),
  /** Set by a main job whose tasks depend on the platform: agents on another platform are rejected. */
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
  /** HMAC-SHA256 over the client's `proofInput`, hex; null if no secret is configured. */
  proof: proofSchema.nullable(),
  /** GitLab's id token of the client's job. */
  idToken: idTokenSchema.nullable().optional(),
  /** The token of an earlier welcome: when a long job reconnects, its id token may have expired. */
  sessionToken: tokenSchema.nullable().optional(),
  /** What `proof` is bound to; omitted: `none`. */
  channelBinding: channelBindingSchema.optional(),
  identity: workspaceIdentitySchema,
  /** Agents only: slots fixed by --slots; null means the run's --parallel. */
  slots: z.int().min(1).max(LIMITS.slotsPerAgent.value).nullable(),
  labels: z.array(labelSchema(128)).max(32),
  /** Agents only: how many attempts it prepares beyond its slots; omitted: 0. */
  spare: z.int().min(0).max(1).optional(),
  /** Agents only: --slots=auto. It takes tasks as far as they fit into this, up to its slots. */
  capacity: capacitySchema.optional(),
  /** Agents only: accepts tasks of this run only. Set by the main job's own worker, which shares its disk with that run. */
  onlyRun: runIdSchema.optional(),
});
export type Hello = z.infer<typeof helloSchema>;

/** The coordinator's acceptance. */
export const welcomeSchema = z.strictObject({
  type: z.literal('welcome'),
  /** HMAC-SHA256 over the server's `proofInput`, hex. A client with a secret rejects a coordinator without a valid proof. */
  proof: proofSchema.nullable(),
  /** Bearer token for the HTTP endpoints; bound to session, role and client. */
  token: tokenSchema,
  /** GitLab's id token of the coordinator's own job; null if it has none (a standalone coordinator is not a job). */
  idToken: idTokenSchema.nullable().optional(),
  heartbeatMs: z.int().positive(),
  leaseMs: z.int().positive(),
});
export type Welcome = z.infer<typeof welcomeSchema>;

/** The coordinator's rejection. Errors after a welcome are sent as `errorMessageSchema`. */
export const refusalSchema = errorMessageSchema.extend({
  /**
   * As in `welcomeSchema`: a client with a secret shows only messages of a coordinator that proves it. Omitted if there
   * is no secret, or no readable hello.
   */
  proof: proofSchema.optional(),
});
export type Refusal = z.infer<typeof refusalSchema>;

/** One handshake as one side has seen it. Any difference from what the other side has seen invalidates the proofs. */
export interface Handshake {
  readonly challenge: Challenge;
  readonly hello: Omit<Hello, 'proof'>;
  /**
   * Hex of the keying material that this side exported from the TLS connection (`CHANNEL_BINDING_EXPORT`); `UNBOUND` if
   * `hello.channelBinding` is not `tls-exporter`.
   */
  readonly channel: string;
}

/** `Handshake.channel` of a connection without TLS, or with TLS that a proxy terminates. */
export const UNBOUND = 'none';

/** Who signs; for a coordinator, also the answer that it signs. */
export type Signed =
  | { readonly speaker: 'client' }
  | { readonly speaker: 'server'; readonly answer: Omit<Welcome, 'proof'> | Omit<Refusal, 'proof'> };

/**
 * The exact text that a side signs: the complete messages except for their proofs, so that fields added later are
 * covered automatically. The text names the speaker, so that one side's proof cannot be replayed as the other's. It
 * names the connection, so that an attacker who terminates TLS in the middle, with different keying material on each
 * side, cannot relay a proof. A coordinator whose own socket is TLS rejects proofs with `none`, so nobody can make a
 * client send an unbound one.
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
