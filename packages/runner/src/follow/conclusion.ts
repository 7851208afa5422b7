import { cacheMark, type NxTask } from '@org/dte-nx-compat';
import type { DteError, EndedEntry, FinishedAttempt } from '@org/dte-protocol';
import { placeInTime } from '@org/dte-report';
import type { Conclusion, Source, Stamp, Taken } from './state';

type Concluded = Pick<NxTask, 'id' | 'outputs'>;

/** The clock, and the start of the command. */
interface Times {
  readonly startMs: number;
  readonly nowMs: number;
}

export const serversOf = (entry: EndedEntry, finished: FinishedAttempt | null): Conclusion['servers'] => ({
  agentName: entry.agent?.name ?? '',
  reports: finished?.servers ?? [],
});

const NO_SERVERS: Conclusion['servers'] = { agentName: '', reports: [] };

function ran(finished: FinishedAttempt | null, { startMs, nowMs }: Times): Stamp {
  const placed = placeInTime(finished ?? { startMs: nowMs, endMs: nowMs }, startMs, nowMs);
  return { kind: 'ran', finished, startMs: placed.startMs, endMs: placed.endMs };
}

/** How a task is concluded after its result was taken over. */
export function concluded(task: Concluded, source: Source, taken: Taken, times: Times): Conclusion {
  const { terminalOutput, from, note } = taken;
  const said = { taskId: task.id, terminalOutput, note };
  const success = { ending: 'success', code: 0 } as const;
  switch (source.kind) {
    case 'hit': {
      const { code } = taken;
      const how =
        code === 0
          ? ({ ending: 'success', status: cacheMark(task, from ?? 'remote') } as const)
          : ({ ending: 'failure', status: 'failure' } as const);
      const stamp: Stamp = { kind: 'hit', endMs: times.nowMs };
      return { ...said, ...how, code, attempt: null, stamp, keeps: 'nothing', servers: NO_SERVERS };
    }
    case 'group': {
      const status = from === null ? 'success' : cacheMark(task, from);
      const stamp = ran(null, times);
      return { ...said, ...success, status, attempt: null, stamp, keeps: 'nothing', servers: NO_SERVERS };
    }
    case 'success': {
      const { entry, finished } = source;
      const isCached = typeof finished?.fromCache === 'string';
      const isArchive = finished?.artifact.kind === 'attempt';
      return {
        ...said,
        ...success,
        status: isCached ? cacheMark(task, from ?? 'remote') : 'success',
        attempt: entry.attempt,
        stamp: ran(finished, times),
        keeps: taken.isLeft ? 'output' : isArchive ? 'entry' : 'nothing',
        servers: serversOf(entry, finished),
      };
    }
    case 'failure': {
      const { entry, finished } = source;
      return {
        ...said,
        ending: 'failure',
        status: 'failure',
        code: finished === null || finished.code === 0 ? 1 : finished.code,
        attempt: entry.attempt,
        stamp: ran(finished, times),
        keeps: 'output',
        servers: serversOf(entry, finished),
      };
    }
  }
}

/** As in Nx: the server has failed, and its dependents never ran. */
export const neverRun = (
  taskId: string,
  entry: EndedEntry,
  finished: FinishedAttempt | null,
): Conclusion => ({
  taskId,
  ending: 'failure',
  status: 'skipped',
  code: 1,
  terminalOutput: '',
  note: '',
  attempt: null,
  stamp: null,
  keeps: 'nothing',
  servers: serversOf(entry, finished),
});

/** The run was cancelled while the task ran (--nxBail, or this job is being stopped); its output is not kept. */
export const stopped = (taskId: string, times: Times): Conclusion => ({
  taskId,
  ending: 'cancelled',
  status: 'stopped',
  code: 1,
  terminalOutput: '',
  note: '',
  attempt: null,
  stamp: ran(null, times),
  keeps: 'nothing',
  servers: NO_SERVERS,
});

/** A task of this job that must not start. */
export const lacking = (taskId: string, error: DteError, { nowMs }: Times): Conclusion => ({
  taskId,
  ending: 'failure',
  status: 'failure',
  code: 1,
  terminalOutput: `${error.explain()}\n`,
  note: '',
  attempt: null,
  stamp: { kind: 'refused', startMs: nowMs, endMs: nowMs },
  keeps: 'output',
  servers: null,
});
