import { z } from 'zod';
import { PATH_SAFE, PATH_SAFE_CHARS } from './path-safe';

/**
 * Characters that end a line, move a terminal's cursor or change the direction of text: control characters (C0, DEL,
 * and C1, in which some terminals also read escape sequences), line and paragraph separators, bidirectional controls.
 */
// eslint-disable-next-line no-control-regex -- control characters are what must go
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

const hasControlCharacter = (value: string): boolean => value.search(UNPRINTABLE) >= 0;

/** Text as one printable line of at most `max` characters, such as `labelSchema` takes (unless nothing is left). */
export const printable = (text: string, max: number): string =>
  text.replace(UNPRINTABLE, ' ').trim().slice(0, max);

/** Free text that is printed: limited length, no control characters (a log line must stay one line). */
export const labelSchema = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((value) => !hasControlCharacter(value), 'must not contain control characters');

const pathSafeIdSchema = z
  .string()
  .max(PATH_SAFE_CHARS)
  .regex(
    PATH_SAFE,
    'must consist of letters, digits, dots, dashes or underscores, and must not start with a dot',
  );

export const sessionIdSchema = pathSafeIdSchema;
export const runIdSchema = pathSafeIdSchema;
export const agentIdSchema = pathSafeIdSchema;
/** A task's hash as Nx (or a custom hasher) computes it; the key of the content store. */
export const hashSchema = pathSafeIdSchema;
/** `project:target[:configuration]`. Never used as a path: see `taskKey` in http.ts. */
export const taskIdSchema = labelSchema(1024);

/**
 * The project whose pipelines share a history: the part of a session's key before the pipeline. In GitLab sessions this
 * is the project's id (with that of the instance if id tokens prove both); a session with another name has its own
 * history.
 */
export const projectOf = (sessionKey: string): string => sessionKey.replace(/-[0-9]+(?:-.*)?$/, '');
