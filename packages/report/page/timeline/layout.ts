import { computed } from '@preact/signals';
import type { AttemptModel } from '../../src/model/model';
import { endOf } from '../../src/views/lanes';
import { phasesOf, spanOf, type Phase } from '../../src/views/phases';
import { lanes as slots, model, nowMs, rowAt, type Row } from '../core/state';

export interface Bar {
  readonly row: Row;
  readonly attempt: AttemptModel;
  readonly look: 'ok' | 'failed' | 'cached' | 'lost' | 'stopped' | 'running';
  readonly startMs: number;
  readonly endMs: number;
  readonly phases: readonly Phase[];
}

/** A slot. */
export interface Lane {
  readonly name: string;
  /** The first slot of its machine carries the name. */
  readonly isFirst: boolean;
  readonly slot: number;
  readonly bars: readonly Bar[];
}

function lookOf({ task }: Row, attempt: AttemptModel): Bar['look'] {
  const { outcome } = attempt;
  if (outcome === 'failure') return 'failed';
  if (outcome === 'success') return task.from === null ? 'ok' : 'cached';
  return outcome;
}

export interface Layout {
  readonly lanes: readonly Lane[];
  readonly startMs: number;
  readonly endMs: number;
  /** When each command began and ended. */
  readonly runs: readonly { readonly startMs: number; readonly endMs: number; readonly command: string }[];
  /** The first bar of the critical path of each command, and those after it. */
  readonly paths: readonly (readonly { readonly bar: Bar; readonly lane: number }[])[];
}

/** Of each command, the last attempts of its critical path, the earliest first. */
function pathsOf(lanes: readonly Lane[], runs: number): Layout['paths'] {
  const places = lanes.flatMap(({ bars }, lane) =>
    bars.filter(({ row, attempt }) => row.critical && row.attempt === attempt).map((bar) => ({ bar, lane })),
  );
  return Array.from({ length: runs }, (_, run) =>
    places.filter(({ bar }) => bar.row.runIndex === run).toSorted((a, b) => a.bar.startMs - b.bar.startMs),
  );
}

/** The slots of all machines over time. Slots that never had anything are left out if they are not an agent's. */
export const layout = computed<Layout>(() => {
  const { model: session } = model.value;
  const lanes = slots.value.map(({ agent, slot, bars }): Lane => {
    const name = agent === null ? 'main job' : (session.agents[agent]?.name ?? '');
    const drawn = bars.flatMap(({ run, task, attempt, ...span }) => {
      const row = rowAt(run, task);
      if (row === undefined) return [];
      const common = { row, attempt, look: lookOf(row, attempt) };
      const now = attempt.endMs === null && row.run.endMs === null ? nowMs.value : null;
      // What runs grows until now; the events only say what has happened.
      if (now === null) return [{ ...common, ...span }];
      return [{ ...common, ...spanOf(attempt, now), phases: phasesOf(attempt, now) }];
    });
    return { name, slot, isFirst: slot === 0, bars: drawn };
  });
  const runs = session.runs.map((run) => ({
    startMs: run.startMs,
    endMs: run.endMs ?? Math.max(endOf(run), nowMs.value ?? 0),
    command: run.command,
  }));
  const startMs = runs.reduce((first, run) => Math.min(first, run.startMs), Infinity);
  const endMs = runs.reduce((last, run) => Math.max(last, run.endMs), -Infinity);
  return { lanes, startMs, endMs: Math.max(endMs, startMs + 1), runs, paths: pathsOf(lanes, runs.length) };
});

/** The first bar that ends after `ms`; bars of a lane do not overlap. */
export function firstAfter(bars: readonly Bar[], ms: number): number {
  let [low, high] = [0, bars.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((bars[middle]?.endMs ?? Infinity) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
