import { DteError } from '@org/dte-protocol';
import { type z } from 'zod';

/** @param what the request, as the rest of a sentence */
export function parseAnswer<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DteError('DTE_MALFORMED_MESSAGE', `${what} returned something that is not JSON.`, {
      cause,
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new DteError('DTE_MALFORMED_MESSAGE', `The answer to ${what} does not match the protocol.`, {
    cause: parsed.error,
  });
}
