import { type ErrorCode, DteError, ERROR_CODE_LIST, printable } from '@org/dte-protocol';

/** Header that carries the code of an error answer. */
export const ERROR_HEADER = 'x-dte-error';

const knownCodes: ReadonlySet<string> = new Set(ERROR_CODE_LIST);
const isCode = (value: string): value is ErrorCode => knownCodes.has(value);

/** Length of a line of a job log. Not configurable: the answer may not come from a coordinator. */
const MESSAGE_CHARS = 4_096;

/** For answers that are not from a coordinator (a proxy) and so lack the header. */
function codeOfStatus(status: number): ErrorCode {
  switch (status) {
    case 401:
    case 403:
      return 'DTE_UNAUTHORIZED';
    case 404:
      return 'DTE_UNKNOWN_HASH';
    case 409:
      return 'DTE_ARTIFACT_EXISTS';
    case 413:
      return 'DTE_ARTIFACT_TOO_LARGE';
    case 507:
      return 'DTE_DISK_FULL';
    case 408:
    case 429:
    case 502:
    case 503:
    case 504:
      return 'DTE_NO_COORDINATOR';
    default:
      return 'DTE_INTERNAL';
  }
}

/** The coordinator's error answer as a DteError: code from the header, message from the first line of the body. */
export function errorOfAnswer(
  what: string,
  status: number,
  header: string | undefined,
  body: string,
): DteError {
  const code = header !== undefined && isCode(header) ? header : codeOfStatus(status);
  const [first = ''] = body.split('\n', 1);
  const line = printable(first, MESSAGE_CHARS);
  return new DteError(code, line === '' ? `${what} returned status ${status}.` : line);
}

/** A request without an answer, as a DteError. */
export function errorOfFailure(what: string, thrown: unknown): DteError {
  if (thrown instanceof DteError) return thrown;
  const message = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return new DteError('DTE_NO_COORDINATOR', `${what} failed: ${message}.`, { cause: thrown });
}
