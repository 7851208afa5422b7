import type { AgentRef } from '@org/dte-protocol';

/** Failures that are named one by one. No limit: Nx has listed all of them, each with its output. */
const NAMED_FAILURES = 20;

/** `nx-agent 2/3: https://…`, or the name alone where there is no job to look at. */
const placeOf = ({ name, jobUrl }: AgentRef): string => (jobUrl === null ? name : `${name}: ${jobUrl}`);

/**
 * Where to look when a task fails on an agent only, or the log of the job around it matters.
 * @param failedOn task id -> the agent whose result counted
 * @returns `dte: app:test failed on nx-agent 2/3: https://…`, one line for each task
 */
export function failureLines(failedOn: ReadonlyMap<string, AgentRef>): string[] {
  const lines = [...failedOn]
    .slice(0, NAMED_FAILURES)
    .map(([taskId, agent]) => `dte: ${taskId} failed on ${placeOf(agent)}`);
  const more = failedOn.size - lines.length;
  return more > 0 ? [...lines, `dte: and ${more} more tasks failed on agents`] : lines;
}
