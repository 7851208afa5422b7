/**
 * When a task ran, in the main job's time: the agent's own times if its clock agrees, else shifted so that nothing
 * happens before the command began or in the future. The duration is always the agent's.
 */
export function placeInTime(
  agent: { readonly startMs: number; readonly endMs: number },
  commandStartMs: number,
  nowMs: number,
): { startMs: number; endMs: number } {
  const durationMs = Math.max(0, Math.min(agent.endMs - agent.startMs, nowMs - commandStartMs));
  const endMs = Math.min(Math.max(agent.endMs, commandStartMs + durationMs), nowMs);
  return { startMs: endMs - durationMs, endMs };
}
