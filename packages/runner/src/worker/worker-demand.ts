import type { SessionInfo } from '@org/dte-protocol';
import type { Config } from '@org/dte-config';

export interface WorkerDemand {
  readonly config: Pick<Config, 'mainSlots' | 'expectedAgents'>;
  /** Agents as last heard; null before the first news. */
  readonly agents: SessionInfo['agents'] | null;
  /** Since the command began. */
  readonly elapsedMs: number;
  readonly mainSlotsWaitMs: number;
  /** Cores of this machine. */
  readonly cores: number;
}

/** How many tasks at a time the main job is to run itself; 0: none, others do. */
export function slotsHere({
  config: { mainSlots, expectedAgents },
  agents,
  elapsedMs,
  mainSlotsWaitMs,
  cores,
}: WorkerDemand): number {
  if (mainSlots !== 'auto') return mainSlots;
  if (elapsedMs < mainSlotsWaitMs || agents === null) return 0;
  const others = agents.filter(
    ({ connected, draining, onlyRun }) => connected && !draining && onlyRun === undefined,
  );
  return others.length < expectedAgents ? cores : 0;
}
