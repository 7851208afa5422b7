import { at } from '../model/at';
import type { SessionModel } from '../model/model';
import { lanesOf } from '../views/lanes';

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

/**
 * The timeline in the Trace Event Format, for https://ui.perfetto.dev or chrome://tracing: a process for each agent and one for
 * the main job, a thread for each slot.
 * Format: "Trace Event Format" by the Chromium project.
 */
export function traceOf(model: SessionModel): string {
  const lanes = lanesOf(model);
  const mainPid = model.agents.length;
  const names = [...model.agents.map(({ name }) => name), 'main job'].map((name, pid) => ({
    ph: 'M',
    name: 'process_name',
    pid,
    tid: 0,
    args: { name },
  }));
  const events = lanes.flatMap(({ agent, slot, bars }) =>
    bars.map(({ run, task, attempt, startMs, endMs }) => ({
      ph: 'X',
      name: at(at(model.runs, run).tasks, task).id,
      cat: attempt.outcome,
      cname: COLOURS[attempt.outcome],
      ts: startMs * US_PER_MS,
      dur: (endMs - startMs) * US_PER_MS,
      pid: agent ?? mainPid,
      tid: slot,
      args: { attempt: attempt.number, code: attempt.code, reason: attempt.reason?.message ?? null },
    })),
  );
  return JSON.stringify({ displayTimeUnit: 'ms', traceEvents: [...names, ...events] });
}
