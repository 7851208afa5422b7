import { duration, plural, type RunSummary } from '@org/dte-protocol';

/**
 * The progress line: `dte: 34/120 done · 6 running on 3 agents · oldest app:e2e 42 s on agent-2`.
 * @param restoring tasks that agents have finished and whose outputs are being restored
 */
export function progressLine(summary: RunSummary, restoring: number): string {
  const parts = [`dte: ${summary.done}/${summary.total} done`];
  if (summary.agents === 0) parts.push('waiting for agents');
  else parts.push(`${summary.running} running on ${plural(summary.agents, 'agent')}`);
  if (restoring > 0) parts.push(`${restoring} being fetched`);
  const oldest = summary.oldestRunning;
  if (oldest !== null) parts.push(`oldest ${oldest.taskId} ${duration(oldest.forMs)} on ${oldest.agentName}`);
  return parts.join(' · ');
}
