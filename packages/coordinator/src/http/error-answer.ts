import { DteError, type ErrorCode } from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import { isOutOfDescriptors } from '../files/file-system';

/** Statuses of the codes that HTTP clients handle; every other code is a 500. Nx knows 401, 403, 404 and 409. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  DTE_BAD_CONFIG: 400,
  DTE_MALFORMED_MESSAGE: 400,
  DTE_INVALID_ID: 400,
  DTE_INVALID_RUN: 400,
  DTE_ARTIFACT_INCOMPLETE: 400,
  DTE_ARTIFACT_DAMAGED: 400,
  DTE_UNAUTHORIZED: 401,
  DTE_NO_REPORT: 404,
  DTE_SIGN_IN_REFUSED: 403,
  DTE_UNKNOWN_RUN: 404,
  DTE_UNKNOWN_HASH: 404,
  DTE_ARTIFACT_MISSING: 404,
  DTE_TIMEOUT: 408,
  DTE_ARTIFACT_EXISTS: 409,
  DTE_SESSION_FINISHED: 410,
  DTE_ARTIFACT_TOO_LARGE: 413,
  DTE_FRAME_TOO_LARGE: 413,
  DTE_TOO_MANY: 429,
  DTE_LIMIT_REACHED: 429,
  DTE_NOT_HELD: 403,
  DTE_COORDINATOR_LOST: 503,
  DTE_FORWARDED_ENV_MISSING: 503,
  DTE_DISK_FULL: 507,
};

export const statusOf = (code: ErrorCode): number => STATUS[code] ?? 500;

/** The text for an error; for a temporary one, it says that a retry may help. */
export function asAnswer(thrown: unknown): DteError {
  const error = DteError.from(thrown);
  if (!isOutOfDescriptors(thrown) && !isOutOfDescriptors(error.cause)) return error;
  const message =
    'The coordinator has reached its limit of open files and connections (ulimit -n): raise the limit, or connect fewer agents.';
  return new DteError('DTE_COORDINATOR_LOST', message, { cause: thrown });
}

/** An error as text for people, with its code in a header for programs. Nx prints the body. */
export function answerError(
  reply: FastifyReply,
  error: DteError,
  status = statusOf(error.code),
): FastifyReply {
  return reply
    .code(status)
    .header('x-dte-error', error.code)
    .type('text/plain; charset=utf-8')
    .send(`${error.explain()}\n`);
}
