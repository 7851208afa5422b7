import { z } from 'zod';
import { agentOutputSchema, agentSyncSchema, agentWantedSchema } from './agent-messages';
import { DteError } from './errors';
import { type challengeSchema, type helloSchema, refusalSchema, welcomeSchema } from './handshake';
import { printable } from './ids';
import { LIMITS } from './limits';
import {
  errorMessageSchema,
  mainSyncSchema,
  runOutputSchema,
  runUpdateSchema,
  sessionInfoSchema,
} from './main-messages';
import { PROTOCOL_VERSION } from './version';

/** Messages from an agent after the handshake. */
export const agentToCoordinatorSchema = z.discriminatedUnion('type', [agentSyncSchema, agentOutputSchema]);
export type AgentToCoordinator = z.infer<typeof agentToCoordinatorSchema>;

/** Messages from a coordinator to an agent after the handshake. */
export const coordinatorToAgentSchema = z.discriminatedUnion('type', [agentWantedSchema, errorMessageSchema]);
export type CoordinatorToAgent = z.infer<typeof coordinatorToAgentSchema>;

/** Messages from a main job after the handshake. Observers send none. */
export const mainToCoordinatorSchema = z.discriminatedUnion('type', [mainSyncSchema]);
export type MainToCoordinator = z.infer<typeof mainToCoordinatorSchema>;

/** Messages from a coordinator to a main job or observer after the handshake. */
export const coordinatorToMainSchema = z.discriminatedUnion('type', [
  runUpdateSchema,
  runOutputSchema,
  sessionInfoSchema,
  errorMessageSchema,
]);
export type CoordinatorToMain = z.infer<typeof coordinatorToMainSchema>;

/** The coordinator's answer to a hello. */
export const helloAnswerSchema = z.discriminatedUnion('type', [welcomeSchema, refusalSchema]);

export type Message =
  | z.infer<typeof challengeSchema>
  | z.infer<typeof helloSchema>
  | z.infer<typeof welcomeSchema>
  | z.infer<typeof refusalSchema>
  | AgentToCoordinator
  | CoordinatorToAgent
  | MainToCoordinator
  | CoordinatorToMain;

/** A message as the text of one frame. */
export const encode = (message: Message): string => JSON.stringify(message);

/** Not a limit of the protocol: how much of zod's error text is shown. */
const ISSUE_CHARS = 300;

const describeIssues = (error: z.ZodError): string =>
  error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.length === 0 ? 'message' : issue.path.join('.')}: ${issue.message}`)
    // The text contains keys and values that the peer chose.
    .map((text) => printable(text, ISSUE_CHARS))
    .join('; ');

function parseJson(frame: string, maxBytes: number): unknown {
  // The length in code units is a lower bound of the length in bytes and costs nothing. Transports limit bytes themselves.
  if (frame.length > maxBytes) {
    throw new DteError(
      'DTE_FRAME_TOO_LARGE',
      `A frame of ${frame.length} characters exceeds the limit of ${maxBytes} bytes.`,
    );
  }
  try {
    return JSON.parse(frame);
  } catch (cause) {
    throw new DteError('DTE_MALFORMED_MESSAGE', 'A frame is not JSON.', { cause });
  }
}

/**
 * Checks the size of one frame, then parses it with a schema.
 * @throws DteError DTE_FRAME_TOO_LARGE, DTE_MALFORMED_MESSAGE (names the first three invalid fields)
 */
export function decode<T>(
  schema: z.ZodType<T>,
  frame: string,
  maxBytes: number = LIMITS.frameBytes.value,
): T {
  const parsed = schema.safeParse(parseJson(frame, maxBytes));
  if (parsed.success) return parsed.data;
  throw new DteError(
    'DTE_MALFORMED_MESSAGE',
    `A message does not match the protocol: ${describeIssues(parsed.error)}.`,
    {
      cause: parsed.error,
    },
  );
}

/**
 * Parses the first frame of a peer. Checks the protocol version first, because a peer of another version may send a
 * shape that this version would report as malformed.
 * @throws DteError DTE_PROTOCOL_VERSION, and those of `decode`
 */
export function decodeFirst<T>(schema: z.ZodType<T>, frame: string): T {
  const raw = parseJson(frame, LIMITS.helloBytes.value);
  const versioned = z.looseObject({ protocolVersion: z.int() }).safeParse(raw);
  if (versioned.success && versioned.data.protocolVersion !== PROTOCOL_VERSION) {
    throw new DteError(
      'DTE_PROTOCOL_VERSION',
      `The other side uses protocol version ${versioned.data.protocolVersion}, this side uses ${PROTOCOL_VERSION}.`,
    );
  }
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  // The peer is not authenticated yet: the error names only our invalid fields, never what the peer sent.
  const fields = parsed.error.issues
    .slice(0, 3)
    .map(({ path: [field], code }) => `${typeof field === 'string' ? field : 'message'} (${code})`);
  throw new DteError(
    'DTE_MALFORMED_MESSAGE',
    `A handshake message does not match the protocol: ${fields.join(', ')}.`,
    { cause: parsed.error },
  );
}
