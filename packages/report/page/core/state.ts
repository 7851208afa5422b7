import { computed, signal } from '@preact/signals';
import {
  newModel,
  type AttemptModel,
  type RunModel,
  type SessionModel,
  type TaskModel,
} from '../../src/model/model';
import type { LiveAddresses } from '../../src/page/live-page';
import { accuracyOf } from '../../src/views/accuracy';
import { criticalPath } from '../../src/views/critical-path';
import { lanesOf } from '../../src/views/lanes';
import { commandsOf, outcomeOf } from '../../src/views/outcome';
import { totalsOf } from '../../src/views/totals';
import { utilisationOf } from '../../src/views/utilisation';

/** A task, and what several parts of the page say of it. */
export interface Row {
  /** Names it on this page. */
  readonly key: string;
  readonly run: RunModel;
  readonly runIndex: number;
  readonly task: TaskModel;
  readonly index: number;
  /** The attempt that counts: the last one. */
  readonly attempt: AttemptModel | null;
  readonly startMs: number | null;
  readonly durationMs: number | null;
  readonly place: string;
  readonly critical: boolean;
}

/** A new object whenever the model has changed: a fold changes its model in place. */
const held = signal<{ readonly model: SessionModel }>({ model: newModel() });

export type Connection = 'none' | 'connecting' | 'connected' | 'lost' | 'over';
/** `none`: a page that is a file. */
export const connection = signal<Connection>('none');
export const addresses = signal<LiveAddresses | null>(null);
/** The time by the clock of whoever writes the events; only a live page has one. */
export const nowMs = signal<number | null>(null);

export const show = (model: SessionModel): void => {
  held.value = { model };
};

export const model = computed(() => held.value);
export const totals = computed(() => totalsOf(held.value.model));
/** For all that is drawn by slots: with ten thousand tasks, each time takes a frame. */
export const lanes = computed(() => lanesOf(held.value.model));
export const utilisation = computed(() => utilisationOf(held.value.model, lanes.value));
/** How well durations were known before, of each command that can tell. A schedule is computed for it: only where it is shown. */
export const accuracies = computed(() => {
  const { model: all } = held.value;
  return all.runs.map((run) => accuracyOf(all, run)).filter((each) => each !== null);
});
export const outcome = computed(() => outcomeOf(held.value.model));
export const commands = computed(() => commandsOf(held.value.model));
/** What tells a task from one of the same name in another command: the number that the headline gives that command. */
export const numberOf = ({ runIndex }: Row): string | null =>
  commands.value.length > 1 ? `#${runIndex + 1}` : null;

export const placeOf = (attempt: AttemptModel | null): string => {
  if (attempt === null) return '';
  if (attempt.agent === null) return 'main job';
  return held.value.model.agents[attempt.agent]?.name ?? '';
};

function rowOf({
  run,
  runIndex,
  index,
  critical,
}: Pick<Row, 'run' | 'runIndex' | 'index' | 'critical'>): Row | null {
  const task = run.tasks[index];
  if (task === undefined) return null;
  const attempt = task.attempts.at(-1) ?? null;
  const startMs = attempt === null ? null : (attempt.startMs ?? attempt.assignedMs);
  return {
    key: `${runIndex}/${index}`,
    run,
    runIndex,
    task,
    index,
    attempt,
    startMs,
    durationMs: startMs === null || attempt?.endMs == null ? null : Math.max(0, attempt.endMs - startMs),
    place: placeOf(attempt),
    // A cache's result took no time that could be shorter.
    critical: critical && attempt !== null,
  };
}

/** All tasks of all commands, in their order. */
export const rows = computed<readonly Row[]>(() =>
  held.value.model.runs.flatMap((run, runIndex) => {
    const path = new Set(criticalPath(run));
    return run.tasks
      .map((_, index) => rowOf({ run, runIndex, index, critical: path.has(index) }))
      .filter((row) => row !== null);
  }),
);

const byKey = computed(() => new Map(rows.value.map((row) => [row.key, row])));
export const rowBy = (key: string): Row | undefined => byKey.value.get(key);
export const rowAt = (runIndex: number, index: number): Row | undefined => rowBy(`${runIndex}/${index}`);

/** Failures in the order in which they became known. */
export const failures = computed(() =>
  rows.value
    .filter(({ task }) => task.status === 'failure')
    .toSorted((a, b) => (a.task.doneMs ?? Infinity) - (b.task.doneMs ?? Infinity)),
);

const selectedKey = signal<string | null>(null);
/** The task that the detail pane shows. */
export const selected = computed(() =>
  selectedKey.value === null ? null : (byKey.value.get(selectedKey.value) ?? null),
);

let opener: HTMLElement | SVGElement | null = null;

export function select(row: Row): void {
  const active = document.activeElement;
  // From one task of the pane to the next, the way back stays.
  if (active instanceof HTMLElement && active.closest('.detail') === null) opener = active;
  selectedKey.value = row.key;
}

export function unselect(): void {
  if (selectedKey.value === null) return;
  selectedKey.value = null;
  opener?.focus();
}
