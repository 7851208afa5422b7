import { DteError, type ErrorCode } from '@org/dte-protocol';
import { mustHold } from './target';

/** What would end a line of a log, move the cursor of a terminal or turn the direction of writing. */
// eslint-disable-next-line no-control-regex -- they are what must not be there
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
/** A line of a job's log. */
const MESSAGE_CHARS = 5_000;

/**
 * Fails unless this is an error that a person can be shown: one of ours, with one of these codes, whose message repeats what
 * the other side has sent only as printable text.
 */
export function expectForeseen(thrown: unknown, codes: readonly ErrorCode[]): void {
  mustHold(thrown instanceof DteError, () => `Not a DteError: ${String(thrown)}`);
  const { code, message, cause } = thrown;
  const isBug = cause instanceof TypeError || cause instanceof RangeError;
  mustHold(
    codes.includes(code) && !(code === 'DTE_INTERNAL' && isBug),
    () => `${code}: ${thrown.stack ?? ''}`,
  );
  mustHold(
    message.length <= MESSAGE_CHARS,
    () => `The message has ${message.length} characters: ${message.slice(0, 300)}`,
  );
  mustHold(!CONTROL.test(message), () => `Control characters in the message: ${JSON.stringify(message)}`);
}
