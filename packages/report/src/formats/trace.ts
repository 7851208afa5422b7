import { at } from '../model/at';
import type { SessionModel, TaskModel } from '../model/model';
import { lanesOf, type Bar } from '../views/lanes';

/** Microseconds, the unit of the format. */
const US_PER_MS = 1000;
/** Colours that Perfetto and Chrome know by name. */
const COLOURS: Readonly<Record<string, string>> = {
  success: 'good',
  failure: 'terrible',
  lost: 'bad',
  stopped: 'grey',
  running: 'yellow',
};

/** Whole microseconds: what fits into another event, or follows it, still does so after rounding. */
const timesOf = ({ startMs, endMs }: { readonly startMs: number; readonly endMs: number }) => {
  const ts = Math.round(startMs * US_PER_MS);
  return { ts, dur: Math.round(endMs * US_PER_MS) - ts };
};

/** A task, and inside it its phases. */
function eventsOf({ task, bar, track }: { task: TaskModel; bar: Bar; track: Track }): object[] {
  const { attempt, phases } = bar;
  const { number, outcome, code, reason, measured } = attempt;
  const whole = {
    ph: 'X',
    name: task.id,
    cat: outcome,
    cname: COLOURS[outcome],
    ...timesOf(bar),
    ...track,
    args: {
      attempt: number,
      code,
      reason: reason?.message ?? null,
      cpuMs: measured?.cpuMs ?? null,
      peakMemoryBytes: measured?.peakMemoryBytes ?? null,
    },
  };
  const inside = phases.map((phase) => ({
    ph: 'X',
    name: phase.name,
    cat: 'phase',
    ...timesOf(phase),
    ...track,
  }));
  return [whole, ...inside];
}

interface Track {
  readonly pid: number;
  readonly tid: number;
}

/**
 * The timeline in the Trace Event Format, for https://ui.perfetto.dev or chrome://tracing: a process for each agent and one for
 * the main job, a thread for each slot. Events of a thread are inside one another or one after the other: Perfetto drops
 * those that overlap in any other way.
 * Format: "Trace Event Format" by the Chromium project.
 */
export function traceOf(model: SessionModel): string {
  const mainPid = model.agents.length;
  const names = [...model.agents.map(({ name }) => name), 'main job'].map((name, pid) => ({
    ph: 'M',
    name: 'process_name',
    pid,
    tid: 0,
    args: { name },
  }));
  const events = lanesOf(model).flatMap(({ agent, slot, bars }) =>
    bars.flatMap((bar) => {
      const task = at(at(model.runs, bar.run).tasks, bar.task);
      return eventsOf({ task, bar, track: { pid: agent ?? mainPid, tid: slot } });
    }),
  );
  return JSON.stringify({ displayTimeUnit: 'ms', traceEvents: [...names, ...events] });
}
