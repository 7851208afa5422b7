import { DteError } from '@org/dte-protocol';
import type { AttemptRef, FromExecutor, ToExecutor } from './ipc-schemas';

// Only types of the schemas: building them is a fifth of what the start of a further executor would cost.
export type {
  AttemptRef,
  FromExecutor,
  GoMessage,
  NeedsServers,
  OutputMessage,
  ResultMessage,
  RunMessage,
  ServeMessage,
  Served,
  ServerEdge,
  ServerNeed,
  ServerNews,
  ToExecutor,
} from './ipc-schemas';
export { NOTE_CHARS } from './note-chars';

/** As a key of a Map. */
export const keyOf = ({ runId, attempt, taskId }: AttemptRef): string => `${runId} ${attempt} ${taskId}`;

export const refOf = ({ runId, attempt, taskId }: AttemptRef): AttemptRef => ({ runId, attempt, taskId });

/** The compiler rejects a kind that is missing here, and one that no schema has. */
const kinds = <T extends string>(each: Record<T, true>): ReadonlySet<string> => new Set(Object.keys(each));

/** The message types in each direction. */
export const TO_EXECUTOR = kinds<ToExecutor['type']>({
  coordinator: true,
  run: true,
  go: true,
  elsewhere: true,
  served: true,
  serve: true,
  stop: true,
});
export const FROM_EXECUTOR = kinds<FromExecutor['type']>({
  ready: true,
  unable: true,
  note: true,
  restored: true,
  executing: true,
  ran: true,
  prepared: true,
  freed: true,
  'needs-servers': true,
  server: true,
  output: true,
  result: true,
});

/**
 * Casts a message to its type without parsing: both ends are the same build, and everything from the network was
 * validated before. The specs check both ends against the schemas. Here, they would cost a short task as much as all
 * other work that the supervisor does for it.
 * @throws DteError DTE_INTERNAL if it is none of `known`: another process has written to the channel
 */
export function ofSameBuild<T extends { readonly type: string }>(
  message: unknown,
  known: ReadonlySet<string>,
): T {
  if (isTyped(message) && known.has(message.type)) return message as T;
  // Without its content, which may be a secret.
  const what = isTyped(message) ? `a message of type ${message.type.slice(0, 100)}` : `a ${typeof message}`;
  throw new DteError(
    'DTE_INTERNAL',
    `Supervisor and executor do not understand each other: ${what} is not one of ${[...known].join(', ')}.`,
  );
}

const isTyped = (message: unknown): message is { readonly type: string } =>
  typeof message === 'object' && message !== null && 'type' in message && typeof message.type === 'string';
