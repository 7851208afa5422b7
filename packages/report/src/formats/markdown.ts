import { duration, plural } from '@org/dte-protocol';
import { at } from '../model/at';
import type { SessionModel } from '../model/model';
import { accuracyOf } from '../views/accuracy';
import { missReasonsOf } from '../views/miss-reasons';
import { failuresOf, totalsOf } from '../views/totals';
import { utilisationOf } from '../views/utilisation';
import { fenced, inCode, inHtml, inText, linked } from './markdown-text';

/** Failures that are listed one by one: a note of a merge request is to be read, not searched. */
const LISTED_FAILURES = 20;
/** Lines of output below each failure. */
const OUTPUT_LINES = 20;
/** Agents that are listed; a table of a hundred rows tells nobody anything. */
const LISTED_AGENTS = 20;
/** Reasons that are listed: the most frequent ones explain most tasks. */
const LISTED_REASONS = 10;
/** Tasks that are listed with what they used: those worth a look come first. */
const LISTED_TASKS = 5;
/** Processor time below which a task is not worth the reader's time. */
const WORTH_MS = 1_000;

const percent = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${Math.round((part / whole) * 100)} %`;

function headline(model: SessionModel): string {
  const totals = totalsOf(model);
  const { failure, skipped, stopped } = totals.byStatus;
  const parts = [
    `${plural(totals.tasks, 'task')} in ${duration(totals.elapsedMs)}`,
    `${totals.fromCache} from cache`,
    ...(failure > 0 ? [`**${failure} failed**`] : []),
    ...(skipped + stopped > 0 ? [`${skipped + stopped} not run`] : []),
    ...(totals.flaky > 0 ? [`${totals.flaky} flaky`] : []),
    ...(totals.lost > 0 ? [`${plural(totals.lost, 'attempt')} lost and retried`] : []),
  ];
  return `${markOf(model, failure)} ${parts.join(' · ')}`;
}

/** Green only if every command said so: one that was stopped, or that nobody saw end, may have run nothing. */
function markOf({ runs }: SessionModel, failures: number): string {
  if (failures > 0 || runs.some(({ ok }) => ok === false)) return '❌';
  return runs.length > 0 && runs.every(({ ok }) => ok === true) ? '✅' : '❔';
}

function failureLines(model: SessionModel): string[] {
  const failures = failuresOf(model);
  if (failures.length === 0) return [];
  const listed = failures.slice(0, LISTED_FAILURES).flatMap(({ task }) => {
    const reason = task.reason === null ? '' : ` ${inHtml(task.reason.message)}`;
    return [
      '',
      `<details><summary>${inHtml(task.id)}${reason}</summary>`,
      '',
      fenced(task.output ?? '', OUTPUT_LINES),
      '',
      '</details>',
    ];
  });
  const more = failures.length - LISTED_FAILURES;
  return ['', '### Failed', ...listed, ...(more > 0 ? ['', `${plural(more, 'more failure')}.`] : [])];
}

function agentLines(model: SessionModel): string[] {
  const used = utilisationOf(model);
  if (used.length === 0) return [];
  const rows = used.slice(0, LISTED_AGENTS).map(({ agent, attempts, busyMs, availableMs }) => {
    const { name, jobUrl } = at(model.agents, agent);
    return `| ${linked(name, jobUrl)} | ${attempts} | ${duration(busyMs)} | ${percent(busyMs, availableMs)} |`;
  });
  const more = used.length - LISTED_AGENTS;
  return [
    '',
    '### Agents',
    '',
    '| Agent | Tasks | Busy | Of its time |',
    '| ----- | ----: | ---: | ----------: |',
    ...rows,
    ...(more > 0 ? ['', `${plural(more, 'more agent')}.`] : []),
  ];
}

/** Why tasks ran although caches are used, the most frequent reasons of all commands first. */
function missLines({ runs }: SessionModel): string[] {
  const reasons = missReasonsOf({ tasks: runs.flatMap(({ tasks }) => tasks) });
  if (reasons.length === 0) return [];
  const rows = reasons
    .slice(0, LISTED_REASONS)
    .map(({ text, tasks }) => `| ${tasks.length} | ${inText(text)} | ${inText(tasks[0] ?? '')} |`);
  const more = reasons.length - LISTED_REASONS;
  return [
    '',
    '### Not cached',
    '',
    '| Tasks | Reason | Such as |',
    '| ----: | ------ | ------- |',
    ...rows,
    ...(more > 0 ? ['', `${plural(more, 'more reason')}.`] : []),
  ];
}

/** Unit in which memory is shown. */
const MB = 1024 * 1024;

/** What the most expensive tasks used, as far as their agents measured it. */
function expensiveLines({ runs }: SessionModel): string[] {
  const used = runs.flatMap(({ tasks }) =>
    tasks.flatMap(({ id, attempts }) => {
      const { cpuMs = null, peakMemoryBytes = null } = attempts.at(-1)?.measured ?? {};
      return cpuMs === null || peakMemoryBytes === null ? [] : { id, cpuMs, peakMemoryBytes };
    }),
  );
  const costly = used.filter(({ cpuMs }) => cpuMs >= WORTH_MS);
  if (costly.length === 0) return [];
  const rows = costly
    .toSorted((a, b) => b.cpuMs - a.cpuMs)
    .slice(0, LISTED_TASKS)
    .map(
      ({ id, cpuMs, peakMemoryBytes }) =>
        `| ${inText(id)} | ${duration(cpuMs)} | ${Math.round(peakMemoryBytes / MB)} MB |`,
    );
  const [largest] = used.toSorted((a, b) => b.peakMemoryBytes - a.peakMemoryBytes);
  const most =
    largest === undefined
      ? []
      : ['', `Most memory: ${inText(largest.id)}, ${Math.round(largest.peakMemoryBytes / MB)} MB.`];
  return [
    '',
    '### Most expensive tasks',
    '',
    '| Task | Processor time | Memory |',
    '| ---- | -------------: | -----: |',
    ...rows,
    ...most,
  ];
}

/** What was expected of each command, if earlier runs told, and the tasks whose estimates were most wrong. */
function expectedLines(model: SessionModel): string[] {
  const known = model.runs.flatMap((run) => accuracyOf(model, run) ?? []);
  if (known.length === 0) return [];
  const sentences = known.map(({ tasks, wall, medianErrorPercent, goodShare }) => {
    const whole = wall === null ? '' : `${duration(wall.actualMs)} instead of ${duration(wall.expectedMs)}; `;
    return `${whole}of ${plural(tasks, 'estimate')}, ${percent(goodShare, 1)} were wrong by a factor of at most 1.5, and half by at most ${medianErrorPercent} %.`;
  });
  const rows = known.flatMap(({ worst }) =>
    worst.map(
      ({ id, expectedMs, actualMs }) => `| ${inText(id)} | ${duration(expectedMs)} | ${duration(actualMs)} |`,
    ),
  );
  return [
    '',
    '### Expected against actual',
    '',
    sentences.join('\n'),
    '',
    '| Task | Expected | Took |',
    '| ---- | -------: | ---: |',
    ...rows.slice(0, LISTED_TASKS),
  ];
}

/** A summary in GitLab Flavored Markdown: the totals, the failures with the end of their output, the agents, why tasks were not cached, and what was expected. */
export function markdownOf(model: SessionModel): string {
  const commands = model.runs.map(({ command }) => inCode(command));
  return [
    headline(model),
    ...(commands.length === 0 ? [] : ['', commands.join(', ')]),
    ...failureLines(model),
    ...agentLines(model),
    ...missLines(model),
    ...expectedLines(model),
    ...expensiveLines(model),
    '',
  ].join('\n');
}
