import type { AttemptModel, RunModel, SessionModel } from '../model/model';
import { phasesOf, spanOf, type Phase } from './phases';

/** One attempt in the timeline. Times: milliseconds since the epoch. */
export interface Bar {
  /** Indexes into the session's `runs`, and into that run's `tasks`. */
  readonly run: number;
  readonly task: number;
  readonly attempt: AttemptModel;
  readonly startMs: number;
  readonly endMs: number;
  /** They fill the bar. */
  readonly phases: readonly Phase[];
}

/** One slot of an agent, or of the main job: attempts that do not overlap, the earliest first. */
export interface Lane {
  /** Index into `agents`; null: the main job. */
  readonly agent: number | null;
  /** Counts from 0 for each agent. */
  readonly slot: number;
  readonly bars: readonly Bar[];
}

/** The end of a run, as far as it is known: of one that still runs, the last thing that happened. */
export function endOf({ startMs, endMs, tasks }: RunModel): number {
  if (endMs !== null) return endMs;
  const times = tasks.flatMap(({ attempts, doneMs }) => [
    doneMs ?? startMs,
    ...attempts.map((attempt) => attempt.endMs ?? attempt.assignedMs),
  ]);
  return times.reduce((latest, time) => Math.max(latest, time), startMs);
}

/**
 * The timeline: the lanes of all agents in the order in which they joined, then those of the main job. Nobody records which
 * slot of an agent an attempt took; an attempt is put into the first lane that is free, as when meeting rooms are assigned.
 */
export function lanesOf(model: SessionModel): Lane[] {
  const bars = new Map<number | null, Bar[]>();
  model.agents.forEach((_, index) => bars.set(index, []));
  bars.set(null, []);
  model.runs.forEach((run, runIndex) => {
    const nowMs = endOf(run);
    run.tasks.forEach(({ attempts }, task) => {
      for (const attempt of attempts)
        bars.get(attempt.agent)?.push({
          run: runIndex,
          task,
          attempt,
          ...spanOf(attempt, nowMs),
          phases: phasesOf(attempt, nowMs),
        });
    });
  });
  return [...bars].flatMap(([agent, all]) => {
    const slots = agent === null ? null : (model.agents[agent]?.slots ?? null);
    return intoSlots(all, slots).map((ofSlot, slot) => ({ agent, slot, bars: ofSlot }));
  });
}

function intoSlots(bars: readonly Bar[], slots: number | null): Bar[][] {
  const lanes: Bar[][] = Array.from({ length: slots ?? 0 }, () => []);
  const byStart = bars.toSorted((a, b) => a.startMs - b.startMs || a.endMs - b.endMs);
  for (const bar of byStart) {
    const free = lanes.find((lane) => (lane.at(-1)?.endMs ?? -Infinity) <= bar.startMs);
    if (free === undefined) lanes.push([bar]);
    else free.push(bar);
  }
  return lanes;
}
