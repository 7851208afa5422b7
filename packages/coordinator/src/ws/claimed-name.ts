import { labelSchema, LIMITS, sessionIdSchema } from '@org/dte-protocol';
import { z } from 'zod';

const claimSchema = z.looseObject({
  role: z.literal('agent'),
  sessionId: sessionIdSchema,
  name: labelSchema(256),
});

/**
 * Who a hello of another protocol version, or of a wrong shape, says it comes from: the main job is told which
 * agent was turned away. Null when it does not say.
 */
export function claimedName(frame: string): { sessionId: string; name: string } | null {
  if (frame.length > LIMITS.helloBytes.value) return null;
  try {
    return claimSchema.parse(JSON.parse(frame));
  } catch {
    return null;
  }
}
