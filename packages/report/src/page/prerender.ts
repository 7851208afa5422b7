import { duration, plural } from '@org/dte-protocol';
import { withoutAnsi } from '../text/ansi';
import type { SessionModel } from '../model/model';
import { commandsOf, outcomeOf } from '../views/outcome';
import { failuresOf, totalsOf } from '../views/totals';
import { endOfText } from './bounded';
import { escaped } from '../text/html';

/** Failures whose output can be read without the script; of the others, only the names. */
const WITH_OUTPUT = 50;
/** Lines and characters of each. */
const OUTPUT_LINES = 60;
const OUTPUT_CHARS = 8_192; // with 50 failures, 400 kB

/** Names that are listed: more would take longer to lay out than the whole page. */
const LISTED = 1_000;

function failures(model: SessionModel): string {
  const found = failuresOf(model);
  if (found.length === 0) return '';
  const items = found.slice(0, LISTED).map(({ task }, index) => {
    const reason = task.reason === null ? '' : `<p class="reason">${escaped(task.reason.message)}</p>`;
    const name = `<h3 class="task-name">${escaped(task.id)}</h3>`;
    if (index >= WITH_OUTPUT) return `<li class="failure">${name}${reason}</li>`;
    const output = escaped(endOfText(withoutAnsi(task.output ?? ''), OUTPUT_LINES, OUTPUT_CHARS));
    return `<li class="failure">${name}${reason}<pre class="output" tabindex="0">${output === '' ? 'no output' : output}</pre></li>`;
  });
  const more = found.length - LISTED;
  return `<section class="panel"><h2>${plural(found.length, 'failure')}</h2><ul class="failures">${items.join('')}</ul>${more > 0 ? `<p>${plural(more, 'more failure')}.</p>` : ''}</section>`;
}

/** Of several commands, what became of each. */
function commands(model: SessionModel): string {
  const all = commandsOf(model).map(({ run, sentence, durationMs }) => {
    const command = `<code class="command">${escaped(run.command)}</code>`;
    const note = `<span class="note">${escaped(sentence)} · ${duration(durationMs)}</span>`;
    return model.runs.length > 1 ? `<li>${command}${note}</li>` : command;
  });
  return model.runs.length > 1 ? `<ol class="commands several">${all.join('')}</ol>` : all.join('');
}

/** The summary and the failures, as HTML that needs no script. */
export function prerender(model: SessionModel): string {
  const totals = totalsOf(model);
  const { kind, sentence } = outcomeOf(model);
  const facts = [
    ['Duration', duration(totals.elapsedMs)],
    ['Work', duration(totals.workMs)],
    ['Tasks', String(totals.tasks)],
    ['Failed', String(totals.byStatus.failure)],
    ['From cache', String(totals.fromCache)],
    ['Flaky', String(totals.flaky)],
    ['Agents', String(model.agents.length)],
  ];
  return (
    `<div class="page prerendered"><header class="head ${kind}"><h1>${escaped(sentence)}</h1>${commands(model)}</header>` +
    `<main><dl class="facts">${facts.map(([name, value]) => `<div class="fact"><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>` +
    `${failures(model)}<noscript><p class="panel">Timeline, tasks and search need JavaScript, which is off here.</p></noscript></main></div>`
  );
}
