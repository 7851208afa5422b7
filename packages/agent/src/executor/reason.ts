import { type Reason } from '@org/dte-protocol';

/** How much of a message is sent. Not configurable: it has to fit into the protocol's schema of a reason. */
const MESSAGE_CHARS = 16_000;

/** A reason as it is sent, of an error or of a reason that may be too long. */
export const reasonOf = ({ code, message }: Reason): Reason => ({
  code,
  message: message.slice(0, MESSAGE_CHARS),
});
