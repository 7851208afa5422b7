import type { AgentRef } from '@org/dte-protocol';

/** Failures that are named one by one. Not configurable: Nx has listed all of them, each with its output. */
const NAMED_FAILURES = 20;

/** `nx-agent 2/3: https://…`, or only the name if there is no job log. */
const placeOf = ({ name, jobUrl }: AgentRef): string => (jobUrl === null ? name : `${name}: ${jobUrl}`);

/**
 * Where to look if a task fails only on an agent, or the log of its job matters.
 * @param failedOn task id -> the agent whose result applies
 * @returns `dte: app:test failed on nx-agent 2/3: https://…`, one line for each task
 */
export function failureLines(failedOn: ReadonlyMap<string, AgentRef>): string[] {
  const lines = [...failedOn]
    .slice(0, NAMED_FAILURES)
    .map(([taskId, agent]) => `dte: ${taskId} failed on ${placeOf(agent)}`);
  const more = failedOn.size - lines.length;
  return more > 0 ? [...lines, `dte: and ${more} more tasks failed on agents`] : lines;
}
