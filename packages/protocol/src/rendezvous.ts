import { z } from 'zod';
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
});
export type RendezvousRecord = z.infer<typeof rendezvousRecordSchema>;

/** Port: publish and find the address of a session's coordinator. */
export interface Rendezvous {
  readonly kind: string;
  /** The record of a session, or null when there is none (yet) or it expired. Throws DteError DTE_BAD_CONFIG on nonsense. */
  find(sessionId: string): Promise<RendezvousRecord | null>;
  /** Publishes, replacing an older record of the same session. Not possible for `static`: does nothing. */
  publish(record: RendezvousRecord): Promise<void>;
  /** Takes a record back, if it is still the given generation's. */
  withdraw(sessionId: string, generation: string): Promise<void>;
}
