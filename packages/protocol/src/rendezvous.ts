import { z } from 'zod';
import { DteError } from './errors';
import { labelSchema, sessionIdSchema } from './ids';

/** How a main job tells agents where its coordinator is. Holds no secret. */
export const rendezvousRecordSchema = z.strictObject({
  version: z.literal(1),
  sessionId: sessionIdSchema,
  /** `http://host:port` of the coordinator. */
  url: z.url({ protocol: /^https?$/ }),
  /** Identifies the process that published it; a new one replaces an old one. */
  generation: labelSchema(128),
  /** Milliseconds since the epoch; ignored afterwards. */
  expiresAtMs: z.number(),
  /** `finished`: the session is over and its coordinator has left, so nothing answers at `url`. Left out: `open`. */
  state: z.enum(['open', 'finished']).optional(),
  /** The CI job whose coordinator this is; a retried job has another one. */
  jobId: labelSchema(128).optional(),
});
export type RendezvousRecord = z.infer<typeof rendezvousRecordSchema>;

/**
 * Where to connect to, or null when nobody has announced itself.
 * @throws DteError DTE_SESSION_FINISHED
 */
export function addressOf(record: RendezvousRecord | null): string | null {
  if (record === null) return null;
  if (record.state !== 'finished') return record.url;
  throw new DteError('DTE_SESSION_FINISHED', `session ${record.sessionId} is finished; nothing to do`);
}

/** Port: publish and find the address of a session's coordinator. */
export interface Rendezvous {
  readonly kind: string;
  /** The record of a session, or null when there is none (yet) or it expired. Throws DteError DTE_BAD_CONFIG on nonsense. */
  find(sessionId: string): Promise<RendezvousRecord | null>;
  /** Publishes, replacing an older record of the same session. Not possible for `static`: does nothing. */
  publish(record: RendezvousRecord): Promise<void>;
  /** Takes a record back, if it is still the given generation's. */
  withdraw(sessionId: string, generation: string): Promise<void>;
  /**
   * Says until `expiresAtMs` that the session is finished, if its record is still the given generation's. Not possible
   * for `static`: does nothing.
   */
  finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void>;
}
