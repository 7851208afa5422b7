import { isProof } from '@org/dte-identity';
import {
  DteError,
  type ErrorCode,
  type Handshake,
  printable,
  type Reason,
  type Refusal,
  type Welcome,
} from '@org/dte-protocol';

/** How much of the coordinator's message is shown. Not configurable: it is only text of a message. */
const MESSAGE_CHARS = 4_096;

const isProven = (secret: string, answer: Welcome | Refusal, handshake: Handshake): boolean =>
  isProof(answer.proof, secret, { speaker: 'server', answer }, handshake);

/**
 * Rejects a coordinator that does not know our secret: it could be anyone who took over the address, and would get the
 * hashes and outputs of the workspace.
 * @throws DteError DTE_BAD_SECRET
 */
export function verifyServer(secret: string, welcome: Welcome, handshake: Handshake): void {
  if (isProven(secret, welcome, handshake)) return;
  throw new DteError(
    'DTE_BAD_SECRET',
    welcome.proof === null
      ? 'The coordinator has no secret, but DTE_SECRET is set here: it may not be the coordinator of this pipeline.'
      : 'The coordinator could not prove that it knows DTE_SECRET, or its messages were changed in transit.',
  );
}

/**
 * Why a coordinator rejects this client. If there is a secret, the message of a coordinator that does not prove it is
 * kept out of the log of this job: the code, which is ours, is enough.
 */
export function refusalOf(secret: string | undefined, refusal: Refusal, handshake: Handshake): DteError {
  const { code } = refusal.reason;
  if (secret === undefined || isProven(secret, refusal, handshake)) return errorOf(refusal.reason);
  return new DteError(code, UNPROVEN_WORDS[code] ?? `The coordinator rejected this job with ${code}.`);
}

/** What a coordinator says, as an error that can be printed: whoever it is, a log line stays one line. */
export const errorOf = ({ code, message }: Reason): DteError =>
  new DteError(code, printable(message, MESSAGE_CHARS));

/** Rejections that come before the coordinator proves anything. */
const UNPROVEN_WORDS: Partial<Record<ErrorCode, string>> = {
  DTE_BAD_SECRET: 'The coordinator cannot authenticate this job: its DTE_SECRET is different or not set.',
  DTE_PROTOCOL_VERSION: 'The coordinator uses another version of the protocol than this job.',
};
