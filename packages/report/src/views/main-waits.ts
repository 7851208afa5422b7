import { at } from '../model/at';
import type { AgentModel, AttemptModel, RunModel, SessionModel, TaskModel } from '../model/model';
import { chainTo, latestOf } from './critical-path';
import { endOf } from './lanes';
import { phasesOf, type PhaseName } from './phases';

/**
 * What the main job waited for. The phases are those of attempts on agents, and:
 * - `agents`: no agent had come yet
 * - `slot`: agents were there, and the task had none of their slots: they were busy, or it was being submitted
 * - `lost`: an attempt that was lost and had to be repeated
 * - `main`: the main job ran the task itself
 * - `outputs`: outputs were restored on the main job
 * - `rest`: everything had its result; the command ended
 */
export type WaitKind = PhaseName | 'agents' | 'slot' | 'lost' | 'main' | 'outputs' | 'rest';

export interface Wait {
  readonly kind: WaitKind;
  /** Index into the run's `tasks`: the task that was waited for; null: none. */
  readonly task: number | null;
  readonly startMs: number;
  readonly endMs: number;
}

export interface MainWaits {
  /** From the beginning of the run to its end, without gap or overlap. */
  readonly waits: readonly Wait[];
  /** The same by kind, the longest first. */
  readonly kinds: readonly {
    readonly kind: WaitKind;
    readonly ms: number;
    /** Indexes of the tasks, the one that was waited for longest first. */
    readonly tasks: readonly number[];
  }[];
}

/** Lays one wait behind the other. */
class Waits {
  readonly list: Wait[] = [];

  constructor(
    private nowMs: number,
    private readonly lastMs: number,
  ) {}

  /** Until then, it was this; a time that is over already adds nothing. */
  until(endMs: number, kind: WaitKind, task: number | null): void {
    const toMs = Math.min(endMs, this.lastMs);
    if (toMs <= this.nowMs) return;
    this.list.push({ kind, task, startMs: this.nowMs, endMs: toMs });
    this.nowMs = toMs;
  }
}

/**
 * What a run spent its time on, seen from its end: the task whose results were complete last, what that one had waited for, and
 * so on to the beginning.
 */
export function mainWaitsOf({ agents }: Pick<SessionModel, 'agents'>, run: RunModel): MainWaits {
  const { tasks, startMs } = run;
  const endMs = endOf(run);
  const last = latestOf(tasks, tasks.keys(), ({ doneMs }) => doneMs);
  const chain = chainTo(tasks, last);
  const firstMs = agents.reduce((first, { joinedMs }: AgentModel) => Math.min(first, joinedMs), Infinity);
  const waits = new Waits(startMs, endMs);
  chain.forEach((index, place) => {
    const before = chain[place - 1];
    const task = at(tasks, index);
    for (const attempt of task.attempts) {
      if (attempt.agent === null && before !== undefined) {
        // The main job needs the outputs on its own disk.
        const outputsMs = Math.min(at(tasks, before).doneMs ?? 0, attempt.assignedMs);
        waits.until(outputsMs, 'outputs', before);
      }
      addAttempt(waits, index, { attempt, firstMs, nowMs: endMs });
    }
    if (index === last || task.attempts.length === 0) waits.until(doneOf(task), 'outputs', index);
  });
  waits.until(endMs, 'rest', null);
  return { waits: waits.list, kinds: byKind(waits.list) };
}

const doneOf = ({ doneMs }: TaskModel): number => doneMs ?? -Infinity;

function addAttempt(
  waits: Waits,
  index: number,
  { attempt, firstMs, nowMs }: { attempt: AttemptModel; firstMs: number; nowMs: number },
): void {
  const { agent, assignedMs, acceptedMs, outcome } = attempt;
  if (agent !== null) waits.until(Math.min(firstMs, assignedMs), 'agents', index);
  waits.until(assignedMs, 'slot', index);
  for (const { name, startMs, endMs } of phasesOf(attempt, nowMs)) {
    waits.until(startMs, 'queue', index);
    waits.until(endMs, agent === null ? 'main' : outcome === 'lost' ? 'lost' : name, index);
  }
  // A task of a batch waits for the others.
  waits.until(acceptedMs ?? -Infinity, 'report', index);
}

function byKind(waits: readonly Wait[]): MainWaits['kinds'] {
  const kinds = new Map<WaitKind, Map<number | null, number>>();
  for (const { kind, task, startMs, endMs } of waits) {
    const tasks = kinds.get(kind) ?? new Map<number | null, number>();
    kinds.set(kind, tasks.set(task, (tasks.get(task) ?? 0) + endMs - startMs));
  }
  return [...kinds]
    .map(([kind, tasks]) => ({
      kind,
      ms: [...tasks.values()].reduce((sum, ms) => sum + ms, 0),
      tasks: [...tasks].toSorted(([, a], [, b]) => b - a).flatMap(([task]) => task ?? []),
    }))
    .toSorted((a, b) => b.ms - a.ms);
}
