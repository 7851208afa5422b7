import type { RunModel, SessionModel, TaskModel } from '../model/model';
import { withoutAnsi } from '../text/ansi';
import { xmlAttribute, xmlBytesAt, xmlText } from './xml';

/**
 * GitLab reads a JUnit file of up to 30 MB, with about 250,000 objects. A test case takes at most three elements and their
 * attributes; beyond this number of tasks, those that passed are left out, and then the last ones. The name of the suite says so.
 */
const MOST_CASES = 20_000;
/** Bytes of all names and outputs as XML, so that the file stays below 30 MB with all that is around them: 300 bytes a case. */
const TEXT_BYTES = 20_000_000;
/** Bytes of one name or message. */
const NAME_BYTES = 2_000;

/** Room in the file. Of what does not fit, the end is kept: there is the error of an output, and the target of a task. */
class Budget {
  constructor(private left: number) {}

  /** As XML, at most so many bytes of it. */
  text(text: string, most = Infinity): string {
    const room = Math.min(this.left, most);
    let [from, bytes] = [text.length, 0];
    while (from > 0 && bytes + xmlBytesAt(text, from - 1) <= room) bytes += xmlBytesAt(text, --from);
    this.left -= bytes;
    return xmlText(text.slice(from));
  }

  attribute(name: string, value: string): string {
    return ` ${name}="${this.text(value.replace(/\s+/g, ' '), NAME_BYTES)}"`;
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
  const output = task.output === null ? '' : budget.text(withoutAnsi(task.output));
  return `${budget.text(head.join('\n'), NAME_BYTES)}\n\n${output}`;
}

function caseOf(model: SessionModel, task: TaskModel, budget: Budget): string {
  const { status, project, reason, code } = task;
  const open =
    `    <testcase${budget.attribute('classname', project)}${budget.attribute('name', nameOf(task))}` +
    xmlAttribute('time', seconds(workedMs(task)));
  if (status === 'success') return `${open}/>`;
  if (status !== 'failure') {
    const message = reason?.message ?? (status === 'skipped' ? 'a dependency failed' : 'it was stopped');
    return `${open}><skipped${budget.attribute('message', message)}/></testcase>`;
  }
  const message = reason?.message ?? `exit code ${code ?? 'unknown'}`;
  const text = failureText(model, task, budget);
  return `${open}><failure${budget.attribute('message', message)}${xmlAttribute('type', reason?.code ?? 'failure')}>${text}</failure></testcase>`;
}

const LEFT_OUT = { none: '', passed: ' (without the tasks that passed)', more: ' (not all tasks)' };

interface Shown {
  readonly tasks: readonly TaskModel[];
  readonly leftOut: keyof typeof LEFT_OUT;
}

/** A success that needed no attention is left out where there are too many. */
function shownOf({ tasks }: RunModel, room: number, isHuge: boolean): Shown {
  if (!isHuge) return { tasks, leftOut: 'none' };
  const others = tasks.filter(({ status }) => status !== 'success');
  // Failures before what did not run because of them.
  const sorted = others.toSorted((a, b) => Number(b.status === 'failure') - Number(a.status === 'failure'));
  return others.length <= room
    ? { tasks: others, leftOut: 'passed' }
    : { tasks: sorted.slice(0, room), leftOut: 'more' };
}

function suiteOf(model: SessionModel, run: RunModel, { tasks, leftOut }: Shown, budget: Budget): string {
  const failures = run.tasks.filter(({ status }) => status === 'failure').length;
  const skipped = tasks.filter(({ status }) => status !== 'success' && status !== 'failure').length;
  const time = seconds((run.endMs ?? run.startMs) - run.startMs);
  return [
    `  <testsuite${budget.attribute('name', `${run.command}${LEFT_OUT[leftOut]}`)}${xmlAttribute('tests', tasks.length)}` +
      `${xmlAttribute('failures', failures)}${xmlAttribute('skipped', skipped)}${xmlAttribute('time', time)}>`,
    ...tasks.map((task) => caseOf(model, task, budget)),
    '  </testsuite>',
  ].join('\n');
}

/**
 * A JUnit report with one test case for each Nx task, as GitLab reads it (`artifacts:reports:junit`): the project is the class,
 * the target is the name. A failed task carries the end of its output; a task that did not run is skipped.
 */
export function junitOf(model: SessionModel): string {
  const budget = new Budget(TEXT_BYTES);
  const isHuge = model.runs.reduce((sum, { tasks }) => sum + tasks.length, 0) > MOST_CASES;
  let room = MOST_CASES;
  const suites = model.runs.map((run) => {
    const shown = shownOf(run, room, isHuge);
    room -= shown.tasks.length;
    return suiteOf(model, run, shown, budget);
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="nx">',
    ...suites,
    '</testsuites>',
    '',
  ].join('\n');
}
