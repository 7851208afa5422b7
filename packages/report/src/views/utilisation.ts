import type { SessionModel } from '../model/model';
import { endOf, lanesOf, type Lane } from './lanes';
import type { PhaseName } from './phases';

/** How busy one agent was while commands ran and it was there: an attempt of an agent that is gone is not lost at once. */
export interface Utilisation {
  readonly agent: number;
  readonly attempts: number;
  /** Sum over its slots. */
  readonly busyMs: number;
  /** Time that its slots could have been busy. */
  readonly availableMs: number;
  /** What it was busy with; sums up to `busyMs`. */
  readonly phases: Readonly<Record<PhaseName, number>>;
}

const overlap = (
  a: { readonly startMs: number; readonly endMs: number },
  b: { readonly startMs: number; readonly endMs: number },
): number => Math.max(0, Math.min(a.endMs, b.endMs) - Math.max(a.startMs, b.startMs));

/**
 * For each agent, in the order of `agents`. Times between two commands count for nobody.
 * @param lanes those of the model, for who has them already
 */
export function utilisationOf(model: SessionModel, lanes: readonly Lane[] = lanesOf(model)): Utilisation[] {
  const runs = model.runs.map((run) => ({ startMs: run.startMs, endMs: endOf(run) }));
  return model.agents.map(({ joinedMs, leftMs }, agent) => {
    const own = lanes.filter((lane) => lane.agent === agent);
    const bars = own.flatMap((lane) => lane.bars);
    const there = { startMs: joinedMs, endMs: leftMs ?? Infinity };
    const times = runs.map((run) => ({
      startMs: Math.max(run.startMs, there.startMs),
      endMs: Math.min(run.endMs, there.endMs),
    }));
    const presentMs = times.reduce((sum, { startMs, endMs }) => sum + Math.max(0, endMs - startMs), 0);
    const phases = { queue: 0, restore: 0, wait: 0, run: 0, store: 0, report: 0 };
    for (const phase of bars.flatMap((bar) => bar.phases))
      phases[phase.name] += times.reduce((within, time) => within + overlap(phase, time), 0);
    const busyMs = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
    return { agent, attempts: bars.length, busyMs, availableMs: presentMs * own.length, phases };
  });
}
