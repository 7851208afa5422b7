import { computed } from '@preact/signals';
import type { AttemptModel } from '../../src/model/model';
import { endOf, lanesOf } from '../../src/views/lanes';
import { model, nowMs, rowAt, type Row } from '../state';

/** A part of an attempt, in the order in which they happen. */
export interface Segment {
  readonly phase: 'wait' | 'restore' | 'run' | 'store';
  readonly startMs: number;
  readonly endMs: number;
}

export interface Bar {
  readonly row: Row;
  readonly attempt: AttemptModel;
  readonly look: 'ok' | 'failed' | 'cached' | 'lost' | 'stopped' | 'running';
  readonly startMs: number;
  readonly endMs: number;
  readonly segments: readonly Segment[];
}

/** A slot. */
export interface Lane {
  readonly name: string;
  /** The first slot of its machine carries the name. */
  readonly isFirst: boolean;
  readonly slot: number;
  readonly bars: readonly Bar[];
}

/** What the attempt did when; what was not measured is one piece. */
export function segmentsOf(
  { assignedMs, startMs, endMs, measured }: AttemptModel,
  lastMs: number,
): Segment[] {
  const begin = startMs ?? assignedMs;
  const end = endMs ?? lastMs;
  const restoreMs = Math.min(measured?.restoreMs ?? 0, Math.max(0, begin - assignedMs));
  const parts: Segment[] = [
    { phase: 'wait', startMs: Math.min(assignedMs, begin), endMs: begin - restoreMs },
    { phase: 'restore', startMs: begin - restoreMs, endMs: begin },
    { phase: 'run', startMs: begin, endMs: end },
    { phase: 'store', startMs: end, endMs: end + (measured?.storeMs ?? 0) },
  ];
  return parts.filter((part) => part.endMs > part.startMs);
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
  const lanes = lanesOf(session).map(({ agent, slot, bars }): Lane => {
    const name = agent === null ? 'main job' : (session.agents[agent]?.name ?? '');
    const drawn = bars.flatMap(({ run, task, attempt, startMs, endMs }) => {
      const row = rowAt(run, task);
      if (row === undefined) return [];
      const lastMs = attempt.endMs === null && row.run.endMs === null ? (nowMs.value ?? endMs) : endMs;
      const segments = segmentsOf(attempt, lastMs);
      const end = segments.at(-1)?.endMs ?? lastMs;
      return [{ row, attempt, look: lookOf(row, attempt), startMs, endMs: end, segments }];
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
