import { z } from 'zod';
import { labelSchema } from './ids';

/**
 * What a client says about itself for people to read. It is copied from the hello to every message that shows the client.
 * The scheduler does not use it for decisions. A new field (optional, because other versions do not know it) appears in
 * the hello, in `session.info` and in the session's status; only the client's introduction has to fill it in.
 */
export const introductionSchema = z.strictObject({
  /** CI_JOB_NAME, or host and process id. */
  name: labelSchema(256),
  /** Address of its job's log; null outside CI jobs. */
  jobUrl: labelSchema(2048).nullable(),
});
export type Introduction = z.infer<typeof introductionSchema>;

const FIELDS: readonly string[] = Object.keys(introductionSchema.shape);

/** Picks the introduction from an object with more fields. */
export const introductionOf = (from: Introduction): Introduction =>
  Object.fromEntries(Object.entries(from).filter(([field]) => FIELDS.includes(field))) as Introduction;
