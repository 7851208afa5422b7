/**
 * When a task ran, in the reader's time: the agent's own times if its clock agrees, else shifted so that nothing happens before
 * `earliestMs` or after `latestMs`. The duration is the agent's, unless there is less room. All times in ms since the epoch.
 */
export function placeInTime(
  agent: { readonly startMs: number; readonly endMs: number },
  earliestMs: number,
  latestMs: number,
): { startMs: number; endMs: number } {
  const durationMs = Math.max(0, Math.min(agent.endMs - agent.startMs, latestMs - earliestMs));
  const endMs = Math.min(Math.max(agent.endMs, earliestMs + durationMs), latestMs);
  return { startMs: endMs - durationMs, endMs };
}
