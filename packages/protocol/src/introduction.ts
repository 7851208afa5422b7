import { z } from 'zod';
import { labelSchema } from './ids';

/**
 * What a client says of itself for people to read. It goes from the hello to everybody who is shown the client, and the
 * scheduler decides nothing by it. A field added here (an optional one: other versions do not know it) is in the hello, in
 * `session.info` and in the session's status; what is left to do is to fill it in where a client introduces itself.
 */
export const introductionSchema = z.strictObject({
  /** CI_JOB_NAME, or host and process id. */
  name: labelSchema(256),
  /** Address of its job's log; null when it is no CI job. */
  jobUrl: labelSchema(2048).nullable(),
});
export type Introduction = z.infer<typeof introductionSchema>;

const FIELDS: readonly string[] = Object.keys(introductionSchema.shape);

/** The introduction alone, of something that has more to say. */
export const introductionOf = (from: Introduction): Introduction =>
  Object.fromEntries(Object.entries(from).filter(([field]) => FIELDS.includes(field))) as Introduction;
