import { LIMITS, sessionIdSchema } from '@org/dte-protocol';
import { z } from 'zod';

const claimSchema = z.looseObject({ role: z.literal('agent'), sessionId: sessionIdSchema });

/**
 * Which session a hello of another protocol version, or of a wrong shape, says it is for: its main job is told that
 * agents were rejected. Null when it does not say.
 */
export function claimedSession(frame: string): string | null {
  if (frame.length > LIMITS.helloBytes.value) return null;
  try {
    return claimSchema.parse(JSON.parse(frame)).sessionId;
  } catch {
    return null;
  }
}
