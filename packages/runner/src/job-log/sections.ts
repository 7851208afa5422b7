import { isCacheMark, type NxLifeCycle, type NxTask, type NxTaskStatus } from '@org/dte-nx-compat';
import { sectionOf } from '@org/dte-report';
import type { JobLog } from './job-log';

export interface SectionsOptions {
  readonly log: JobLog;
  /** Of the command; names of sections are unique in the log of a job. */
  readonly runId: string;
  /** Where the task ran, for people; null: in this job. */
  readonly placeOf: (taskId: string) => string | null;
}

/** Characters of a run's id in the names of its sections: no two commands of a job have the same. */
const RUN_CHARS = 8;

/** Longest part of a name that is there for people. */
const WORD_CHARS = 64;

const word = (taskId: string): string =>
  taskId
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, WORD_CHARS);

function headerOf({ id }: NxTask, status: NxTaskStatus, place: string | null): string {
  if (isCacheMark(status)) return `✔ ${id} · ${status === 'remote-cache' ? 'remote cache' : 'local cache'}`;
  const where = place === null ? 'in this job' : `on ${place}`;
  if (status === 'success') return `✔ ${id} · ${where}`;
  return status === 'failure' ? `✖ ${id} · failed ${where}` : `- ${id} · ${status}`;
}

/**
 * The life cycle with a section around what it prints of each task: closed if the task passed, open if not. A task that is printed a
 * second time, because it ran again, has a second section.
 */
export function withSections(lifeCycle: NxLifeCycle, { log, runId, placeOf }: SectionsOptions): NxLifeCycle {
  let count = 0;
  const print = (task: NxTask, status: NxTaskStatus, output: string): void => {
    const endMs = task.endTime ?? Date.now();
    const section = (text: string): string =>
      sectionOf({
        name: `dte-${runId.slice(0, RUN_CHARS)}-${(count += 1)}-${word(task.id)}`,
        header: headerOf(task, status, placeOf(task.id)),
        isClosed: status === 'success' || isCacheMark(status),
        startMs: task.startTime ?? endMs,
        endMs,
        text,
      });
    log.within(section, () => lifeCycle.printTaskTerminalOutput?.(task, status, output));
  };
  return new Proxy(lifeCycle, {
    get(target, key): unknown {
      if (key === 'printTaskTerminalOutput') return print;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
