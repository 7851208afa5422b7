import type { SessionInfo } from '@org/dte-protocol';
import type { Config } from '@org/dte-config';

export interface WorkerDemand {
  readonly config: Pick<Config, 'mainSlots' | 'expectedAgents'>;
  /** The latest agents; null before the first message. */
  readonly agents: SessionInfo['agents'] | null;
  /** How many agents have left because nothing is left that they could do: nobody has to take their place. */
  readonly released: number;
  /** Time since the command started. */
  readonly elapsedMs: number;
  readonly mainSlotsWaitMs: number;
  /** Cores of this machine. */
  readonly cores: number;
}

/** How many tasks at a time the main job must run itself; 0: none, because others do. */
export function slotsHere({
  config: { mainSlots, expectedAgents },
  agents,
  released,
  elapsedMs,
  mainSlotsWaitMs,
  cores,
}: WorkerDemand): number {
  if (mainSlots !== 'auto') return mainSlots;
  if (elapsedMs < mainSlotsWaitMs || agents === null) return 0;
  const others = agents.filter(
    ({ connected, draining, onlyRun }) => connected && !draining && onlyRun === undefined,
  );
  return others.length + released < expectedAgents ? cores : 0;
}
