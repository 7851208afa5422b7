import type { SessionModel } from '@org/dte-report';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Tasks of one turn of the event loop: 1,000 take about 5 ms. No limit: smaller parts only take longer. */
export const PART_TASKS = 1_000;

/** A report, and the number of the last event in it. */
export interface ReportNow {
  readonly seq: number;
  readonly model: SessionModel;
}

/** The JSON of this object, to which fields are still to be added. */
const opened = (object: object): string => JSON.stringify(object).slice(0, -1);

function* partsOf({ seq, model }: ReportNow): Generator<string, void, undefined> {
  const { runs, ...head } = model;
  yield `{"seq":${seq},"model":${opened(head)},"runs":[`;
  for (const [index, { tasks, ...run }] of runs.entries()) {
    yield `${index === 0 ? '' : ','}${opened(run)},"tasks":[`;
    for (let at = 0; at < tasks.length; at += PART_TASKS) {
      const json = JSON.stringify(tasks.slice(at, at + PART_TASKS)).slice(1, -1);
      yield at === 0 ? json : `,${json}`;
    }
    yield ']}';
  }
  yield ']}}';
}

/**
 * The JSON of a report, made in many turns of the event loop: that of a large one takes a second, and jobs are waiting. The report
 * must not change until it resolves.
 * @returns `workMs`: time that it took without the other work in between
 */
export async function jsonOf(report: ReportNow): Promise<{ readonly json: Buffer; readonly workMs: number }> {
  const buffers: Buffer[] = [];
  let workMs = 0;
  let startedMs = performance.now();
  for (const part of partsOf(report)) {
    buffers.push(Buffer.from(part));
    workMs += performance.now() - startedMs;
    await nextTurn();
    startedMs = performance.now();
  }
  return { json: Buffer.concat(buffers), workMs };
}
