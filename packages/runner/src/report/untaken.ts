import type { NxTask } from '@org/dte-nx-compat';
import { DteError, type AgentRef, type ErrorCode } from '@org/dte-protocol';

/** The stored artifact must not be unpacked. */
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  'DTE_ARTIFACT_DAMAGED',
  'DTE_ARTIFACT_UNDECLARED',
  'DTE_ARTIFACT_UNSAFE',
]);

/** Is it reported for each task? Another artifact may be damaged for another reason, or be from another agent. */
export const isToldEach = (code: ErrorCode): boolean => REFUSED.has(code);

/** Why the result of a task is not used, which agent made it and what happens to the task. */
export function untaken(thrown: unknown, { id }: NxTask, agent: AgentRef | null): DteError {
  const error = DteError.from(thrown);
  if (!REFUSED.has(error.code)) return error;
  const from = agent === null ? '' : ` The result came from agent ${agent.name}.`;
  return new DteError(error.code, `${error.message}${from} The main job runs ${id} itself.`, {
    cause: error,
  });
}
