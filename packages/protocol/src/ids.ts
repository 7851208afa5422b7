import { z } from 'zod';

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

/**
 * Ids that become part of a path or a URL: letters, digits, dot, dash, underscore, never with a leading dot. No such id
 * can point outside the folder that contains it.
 */
const pathSafeIdSchema = z
  .string()
  .max(128)
  .regex(
    /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/,
    'must consist of letters, digits, dots, dashes or underscores, and must not start with a dot',
  );

export const sessionIdSchema = pathSafeIdSchema;
export const runIdSchema = pathSafeIdSchema;
export const agentIdSchema = pathSafeIdSchema;
/** A task's hash as Nx (or a custom hasher) computes it; the key of the content store. */
export const hashSchema = pathSafeIdSchema;
/** `project:target[:configuration]`. Never used as a path: see `taskKey` in http.ts. */
export const taskIdSchema = labelSchema(1024);

/** True for a hash that can be a key of the content store. A custom hasher may return any text. */
export const isStorableHash = (hash: string): boolean => hashSchema.safeParse(hash).success;

/**
 * The project whose pipelines share a history: the part of a session's key before the pipeline. In GitLab sessions this
 * is the project's id (with that of the instance if id tokens prove both); a session with another name has its own
 * history.
 */
export const projectOf = (sessionKey: string): string => sessionKey.replace(/-[0-9]+(?:-.*)?$/, '');
