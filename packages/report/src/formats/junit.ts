import type { RunModel, SessionModel, TaskModel } from '../model/model';
import { withoutAnsi } from './ansi';
import { xmlAttribute, xmlText } from './xml';

/**
 * GitLab reads a JUnit file of up to 30 MB, with about 250,000 objects. A test case takes at most three elements and their
 * attributes; beyond this number of tasks, those that passed are left out, and the name of the suite says so.
 */
const MOST_CASES = 20_000;
/** Characters of output in all, so that the file stays below 30 MB also where each takes several bytes. */
const OUTPUT_CHARS = 6_000_000;

/** Leaves room for what is next. */
class Budget {
  constructor(private left: number) {}

  take(text: string): string {
    const part = text.length <= this.left ? text : text.slice(text.length - this.left);
    this.left -= part.length;
    return part;
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const workedMs = ({ attempts }: TaskModel): number => {
  const last = attempts.at(-1);
  if (last === undefined || last.startMs === null || last.endMs === null) return 0;
  return Math.max(0, last.endMs - last.startMs);
};

const nameOf = ({ target, configuration }: TaskModel): string =>
  configuration === null ? target : `${target}:${configuration}`;

const whereOf = (model: SessionModel, task: TaskModel): string => {
  const attempt = task.attempts.at(-1);
  if (attempt === undefined) return '';
  return attempt.agent === null ? 'in the main job' : `on ${model.agents[attempt.agent]?.name ?? 'an agent'}`;
};

function failureText(model: SessionModel, task: TaskModel, budget: Budget): string {
  const head = [`${task.id} failed ${whereOf(model, task)}`.trim()];
  if (task.reason !== null) head.push(`${task.reason.code}: ${task.reason.message}`);
  const output = task.output === null ? '' : budget.take(withoutAnsi(task.output));
  return `${head.join('\n')}\n\n${output}`;
}

function caseOf(model: SessionModel, task: TaskModel, budget: Budget): string {
  const { status, project, reason, code } = task;
  const open =
    `    <testcase${xmlAttribute('classname', project)}${xmlAttribute('name', nameOf(task))}` +
    xmlAttribute('time', seconds(workedMs(task)));
  if (status === 'success') return `${open}/>`;
  if (status !== 'failure') {
    const message = reason?.message ?? (status === 'skipped' ? 'a dependency failed' : 'it was stopped');
    return `${open}><skipped${xmlAttribute('message', message)}/></testcase>`;
  }
  const message = reason?.message ?? `exit code ${code ?? 'unknown'}`;
  const text = xmlText(failureText(model, task, budget));
  return `${open}><failure${xmlAttribute('message', message)}${xmlAttribute('type', reason?.code ?? 'failure')}>${text}</failure></testcase>`;
}

/** A success that needed no attention is left out where there are too many. */
function suiteOf(model: SessionModel, run: RunModel, budget: Budget, onlyOthers: boolean): string {
  const shown = onlyOthers ? run.tasks.filter(({ status }) => status !== 'success') : run.tasks;
  const failures = run.tasks.filter(({ status }) => status === 'failure').length;
  const skipped = shown.filter(({ status }) => status !== 'success' && status !== 'failure').length;
  const name = onlyOthers ? `${run.command} (without the tasks that passed)` : run.command;
  const time = seconds((run.endMs ?? run.startMs) - run.startMs);
  return [
    `  <testsuite${xmlAttribute('name', name)}${xmlAttribute('tests', shown.length)}${xmlAttribute('failures', failures)}` +
      `${xmlAttribute('skipped', skipped)}${xmlAttribute('time', time)}>`,
    ...shown.map((task) => caseOf(model, task, budget)),
    '  </testsuite>',
  ].join('\n');
}

/**
 * A JUnit report with one test case for each Nx task, as GitLab reads it (`artifacts:reports:junit`): the project is the class,
 * the target is the name. A failed task carries the end of its output; a task that did not run is skipped.
 */
export function junitOf(model: SessionModel): string {
  const budget = new Budget(OUTPUT_CHARS);
  const tasks = model.runs.reduce((sum, run) => sum + run.tasks.length, 0);
  const suites = model.runs.map((run) => suiteOf(model, run, budget, tasks > MOST_CASES));
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="nx">',
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}
