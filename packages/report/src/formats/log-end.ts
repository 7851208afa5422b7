import type { RunModel, SessionModel, TaskModel } from '../model/model';
import { plural, withoutMarkers } from '@org/dte-protocol';
import { failuresOf } from '../views/totals';
import { withoutAnsi } from '../text/ansi';

/** Failures that are named one by one; Nx has listed all of them. */
const NAMED_FAILURES = 20;
/** Lines of output of each: the whole output is further up, or in the report. */
const OUTPUT_LINES = 10;
/** Characters of a line, which may be a minified file. */
const LINE_CHARS = 300;

/** What is visible of a line: the text after the last carriage return, without control characters. */
const visible = (line: string): string =>
  // eslint-disable-next-line no-control-regex -- they would move the cursor
  (line.split('\r').findLast((part) => part !== '') ?? '').replace(/[\u0000-\u0008\u000B-\u001F\u007F]/g, '');

function lastLines(output: string): string[] {
  return withoutMarkers(withoutAnsi(output))
    .split('\n')
    .map(visible)
    .filter((line) => line.trim() !== '')
    .slice(-OUTPUT_LINES)
    .map((line) => `  | ${line.slice(0, LINE_CHARS)}`);
}

function whereOf({ agents }: SessionModel, { attempts }: TaskModel): string {
  const index = attempts.at(-1)?.agent;
  const agent = typeof index === 'number' ? agents[index] : undefined;
  if (agent === undefined) return 'in this job';
  return agent.jobUrl === null ? `on ${agent.name}` : `on ${agent.name}: ${agent.jobUrl}`;
}

function linesOf(model: SessionModel, task: TaskModel): string[] {
  const code = task.attempts.at(-1)?.code ?? task.code;
  const why =
    task.reason === null ? `exit code ${code ?? 'unknown'}` : `${task.reason.message} (${task.reason.code})`;
  return [
    `dte: ${visible(withoutMarkers(task.id))} failed ${whereOf(model, task)}`,
    `  ${visible(withoutMarkers(why.replace(/\s+/g, ' ')))}`,
    ...lastLines(task.output ?? ''),
  ];
}

/**
 * The failures of one command for the end of a log: each with where it ran, its exit code and the end of its output, as lines of
 * plain text. Empty if nothing failed.
 */
export function failureLinesOf(model: SessionModel, runId: RunModel['runId']): string[] {
  const failures = failuresOf(model).filter(({ run }) => run.runId === runId);
  const named = failures.slice(0, NAMED_FAILURES).flatMap(({ task }) => linesOf(model, task));
  const more = failures.length - NAMED_FAILURES;
  return more > 0 ? [...named, `dte: and ${plural(more, 'more failure')}`] : named;
}
