import { LIMITS, sessionIdSchema } from '@org/dte-protocol';
import { z } from 'zod';

const claimSchema = z.looseObject({ role: z.literal('agent'), sessionId: sessionIdSchema });

/**
 * The session that a hello with another protocol version, or of a wrong shape, asks for: its main job is told that
 * agents were rejected. Null if the hello does not name one.
 */
export function claimedSession(frame: string): string | null {
  if (frame.length > LIMITS.helloBytes.value) return null;
  try {
    return claimSchema.parse(JSON.parse(frame)).sessionId;
  } catch {
    return null;
  }
}
