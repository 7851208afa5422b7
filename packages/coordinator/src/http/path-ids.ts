import { DteError, hashSchema, runIdSchema, taskIdSchema } from '@org/dte-protocol';
import type { z } from 'zod';
import type { ArtifactKey } from '../artifacts/artifact-store';
import type { Call } from './endpoint';

/** How much of an invalid id is shown. No limit: it is only text of a message. */
const SHOWN = 80;

/** Parses a path parameter with its schema. Routers decode: `..%2f` arrives here as `../` and is rejected. */
export function checked<T>(schema: z.ZodType<T>, value: string, what: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const shown = JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}...` : value);
  const why = result.error.issues.map(({ message }) => message).join('; ');
  throw new DteError('DTE_INVALID_ID', `${shown} is not a ${what}: ${why}.`);
}

/** Does the client accept an answer in this encoding? */
export const takes = ({ request }: Call, encoding: 'br' | 'gzip'): boolean =>
  request.headers['accept-encoding']?.split(/[,;\s]+/).includes(encoding) === true;

export const runIdOf = (call: Call): string => checked(runIdSchema, call.param('runId'), 'run id');

export const hashOf = (call: Pick<Call, 'param'>): string => checked(hashSchema, call.param('hash'), 'hash');

export const cacheKeyOf = (call: Call, kind: 'cache' | 'terminal' = 'cache'): ArtifactKey => ({
  kind,
  sessionId: call.claims.sessionId,
  hash: hashOf(call),
});

export function attemptKeyOf(call: Call): Extract<ArtifactKey, { kind: 'attempt' }> {
  const attempt = call.param('attempt');
  if (!/^(0|[1-9][0-9]{0,8})$/.test(attempt)) {
    throw new DteError(
      'DTE_INVALID_ID',
      `${JSON.stringify(attempt.slice(0, SHOWN))} is not an attempt number.`,
    );
  }
  return {
    kind: 'attempt',
    sessionId: call.claims.sessionId,
    runId: runIdOf(call),
    taskId: checked(taskIdSchema, call.param('taskId'), 'task id'),
    attempt: Number(attempt),
  };
}
