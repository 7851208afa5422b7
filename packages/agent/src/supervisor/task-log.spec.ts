import { type AttemptResult, type FinishedAttempt } from '@org/dte-protocol';
import { TaskLog } from './task-log';

const ref = { runId: 'r', taskId: 'app:build', attempt: 1 };
const other = { ...ref, taskId: 'lib:test' };
const finished = (change: object = {}): AttemptResult => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: 'h',
  artifact: { kind: 'none' },
  startMs: 0,
  endMs: 0,
  reason: null,
  hashDetails: null,
  ...change,
});

function open(
  slots: number,
  env: Record<string, string> = {},
  isTTY = false,
  hide?: (text: string) => string,
) {
  const written: string[] = [];
  const log = new TaskLog({
    stream: { write: (text) => written.push(text), isTTY },
    env,
    slots: () => slots,
    nowMs: () => 5_000,
    hide,
  });
  return { log, text: () => written.join('') };
}

it('never mixes lines of two tasks, and ends a line that its task did not end', () => {
  const { log, text } = open(2);
  log.started(ref, 1);
  log.started(other, 2);
  log.output(ref, 0, 'half a');
  log.output(other, 0, 'other\n');
  log.output(ref, 6, ' line\nrest');
  log.ended(ref, finished(), 3_210);
  log.ended(other, finished({ status: 'failure', code: 1 }), 400);
  expect(text()).toBe(
    [
      '▶ app:build  attempt 1  (slot 1)',
      '▶ lib:test  attempt 1  (slot 2)',
      'lib:test | other',
      'app:build | half a line',
      'app:build | rest',
      '✔ app:build  3.2 s',
      '✖ lib:test  exit code 1  0.4 s',
      '',
    ].join('\n'),
  );
});

it('prints for each task of a batch how it ended', () => {
  const { log, text } = open(1);
  log.started(ref, 1, 3);
  const failure = finished({ status: 'failure', code: 1 }) as FinishedAttempt;
  const members = [
    { taskId: 'app:build', result: finished() as FinishedAttempt },
    { taskId: 'lib:build', result: failure },
    { taskId: 'shop:build', result: null },
  ];
  log.ended(ref, { kind: 'batch', members, log: '' }, 3_210);
  expect(text()).toBe(
    [
      '▶ app:build  batch of 3  attempt 1',
      '✔ app:build',
      '✖ lib:build  exit code 1',
      '- shop:build  skipped',
      '3.2 s',
      '',
    ].join('\n'),
  );
});

it('shows a gap where live output was dropped, and splits endless lines', () => {
  const { log, text } = open(1);
  log.started(ref, 1);
  log.output(ref, 0, 'begin\n');
  log.output(ref, 100, 'x'.repeat(20_000));
  expect(text()).toContain(`begin\n\n… 94 characters omitted\n${'x'.repeat(20_000)}\n`);
});

it('prints why an attempt was returned, where a result came from and what was stopped', () => {
  const { log, text } = open(1);
  log.ended(ref, { kind: 'returned', reason: { code: 'DTE_AGENT_LEFT', message: 'told to stop' } }, 100);
  log.ended(ref, finished({ fromCache: 'remote-cache' }), 100);
  log.stopped(ref);
  expect(text()).toBe(
    '↩ app:build  returned: told to stop (DTE_AGENT_LEFT)  0.1 s\n✔ app:build  remote cache  0.1 s\n■ app:build  stopped: no longer needed\n',
  );
});

it('folds each task into a section in GitLab if there is one slot, and never with several', () => {
  const one = open(1, { GITLAB_CI: 'true' });
  one.log.started(ref, 1);
  one.log.ended(ref, finished(), 1_000);
  expect(one.text()).toBe(
    '\u001b[0Ksection_start:5:dte_task_1\r\u001b[0K▶ app:build  attempt 1\n\u001b[0m\u001b[0Ksection_end:5:dte_task_1\r\u001b[0K\n✔ app:build  1.0 s\n',
  );
  const two = open(2, { GITLAB_CI: 'true' });
  two.log.started(ref, 1);
  expect(two.text()).not.toContain('section_start');
});

describe('markers of sections that a task prints', () => {
  const marker = (kind: string, name: string): string => `\u001b[0Ksection_${kind}:1:${name}\r\u001b[0K`;
  /** Names of the sections that GitLab opens and closes, in the order of the log. */
  const sectionsIn = (log: string): string[] =>
    // eslint-disable-next-line no-control-regex -- what GitLab looks for
    [...log.matchAll(/section_(start|end):\d+:([\w.-]+)(?:\[[^\]]*\])?\r\u001B\[0K/g)].map(
      ([, kind = '', name = '']) => `${kind} ${name}`,
    );
  const forged = `${marker('end', 'dte_task_1')}${marker('start', 'x[collapsed=true]')}`;

  it.each<[string, string[]]>([
    ['whole', [`one\n${forged}two\n`]],
    ['in pieces', Array.from(`one\n${forged}two\n`)],
    ['without an end of the line', [`one\n${forged}`]],
    ['cut where long lines are', ['x'.repeat(16 * 1024 - 'section_'.length), forged, forged]],
    ['around something that is hidden', [forged.replaceAll('section_', 'sec**tion_')]],
  ])('have no effect in GitLab: %s', (_, pieces) => {
    for (const slots of [1, 2]) {
      const { log, text } = open(slots, { GITLAB_CI: 'true' }, false, (all) => all.replaceAll('**', ''));
      log.started(ref, 1);
      let offset = 0;
      for (const piece of pieces) {
        log.output(ref, offset, piece);
        offset += piece.length;
      }
      log.ended(ref, finished(), 1_000);
      expect(sectionsIn(text())).toEqual(slots === 1 ? ['start dte_task_1', 'end dte_task_1'] : []);
    }
  });

  it('have none in what we say about a task', () => {
    const { log, text } = open(2, { GITLAB_CI: 'true' });
    const hostile = { ...ref, taskId: `app:${forged}` };
    log.started(hostile, 1);
    log.ended(hostile, { kind: 'returned', reason: { code: 'DTE_AGENT_LEFT', message: forged } }, 100);
    log.note(forged);
    expect(sectionsIn(text())).toEqual([]);
  });

  it('are left alone elsewhere, and what is invisible in GitLab ends with its task', () => {
    const { log, text } = open(1);
    log.started(ref, 1);
    log.output(ref, 0, `${forged}\n`);
    expect(text()).toContain(forged);
    const hidden = open(2, { GITLAB_CI: 'true' });
    hidden.log.started(ref, 1);
    hidden.log.output(ref, 0, '\u001b[8m');
    hidden.log.ended(ref, finished(), 1_000);
    expect(hidden.text()).toContain('\u001b[8m\n\u001b[0m✔ app:build');
  });
});

it.each([
  ['a terminal', {}, true, true],
  ['a terminal with NO_COLOR', { NO_COLOR: '1' }, true, false],
  ['a pipe', {}, false, false],
  ['a pipe with FORCE_COLOR', { FORCE_COLOR: '1' }, false, true],
])('uses colours or not: %s', (_, env, isTTY, coloured) => {
  const { log, text } = open(1, env, isTTY);
  log.started(ref, 1);
  expect(text().includes('\u001b[')).toBe(coloured);
});
