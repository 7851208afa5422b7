import type { TaskFacts } from '../compare/compare';
import { judge, type Side } from '../compare/judge';
import type { ParityResult } from '../run/result';
import type { SideRun } from '../run/side-run';
import { reportJson } from './json';
import { conclude } from './sentence';
import { reportText } from './text';

const task = (facts: Partial<TaskFacts> = {}): TaskFacts => ({
  status: 'success',
  code: 0,
  terminalOutput: 'built\n',
  ends: 1,
  files: {},
  ...facts,
});

const run = (tasks: Record<string, TaskFacts>, exitCode = 0): SideRun => ({
  observation: { exitCode, completed: true, tasks },
  workspace: '/nowhere',
  folders: {},
  durationMs: 60_000,
  output: 'the end',
});

interface Runs {
  readonly plain: SideRun;
  readonly distributed: SideRun;
  readonly again?: readonly Side[];
  readonly place?: string;
  readonly changedModules?: readonly string[];
}

function resultOf({
  plain,
  distributed,
  again = [],
  place = 'agent-1',
  changedModules = [],
}: Runs): ParityResult {
  const places = new Map(Object.keys(distributed.observation.tasks).map((id) => [id, place]));
  const verdict = judge({ plain, distributed, again });
  const round = { name: 'cold', plain, distributed, again, places, verdict } as const;
  return { command: ['run-many'], agents: 2, rounds: [round], changedModules };
}

const FAILED = task({ status: 'failure', code: 1 });
const SKIPPED = task({ status: 'skipped' });
const ALIKE = { plain: run({ a: task() }), distributed: run({ a: task() }) };
const same = (tasks: Record<string, TaskFacts>, exitCode: number): Runs => ({
  plain: run(tasks, exitCode),
  distributed: run(tasks, exitCode),
});

describe('the conclusion', () => {
  it.each<[string, Runs, number, RegExp]>([
    ['equal results', ALIKE, 0, /^Safe to distribute: 1 task gave the same results on both sides\.$/],
    [
      'tasks that fail on both sides',
      same({ a: FAILED, b: SKIPPED, c: task() }, 1),
      0,
      /^Safe .* 1 task failed on both sides and 1 was skipped: compare again when it passes\.$/,
    ],
    [
      'a failure on an agent',
      { plain: run({ a: task() }), distributed: run({ a: FAILED }, 1) },
      1,
      /^Not safe yet: 1 of 1 task differs \(a\)\.$/,
    ],
    [
      'another exit code',
      { plain: run({ a: task() }), distributed: run({ a: task() }, 1) },
      1,
      /^Not safe yet: the exit codes differ\.$/,
    ],
    [
      'a task that differs between two plain runs',
      {
        plain: run({ a: task({ terminalOutput: '1' }) }),
        distributed: run({ a: task({ terminalOutput: '2' }) }),
        again: [run({ a: task({ terminalOutput: '3' }) })],
      },
      0,
      /^Safe .* 1 task differs between two plain runs too, so part of them could not be compared \(a\)\.$/,
    ],
    [
      'a wrong exit code of plain Nx',
      { plain: run({ a: FAILED }), distributed: run({ a: FAILED }, 1) },
      0,
      /Plain Nx is wrong here: it ended with exit code 0 although 1 task failed \(a\); the distributed run did not\./,
    ],
    [
      'no task on an agent',
      { ...ALIKE, place: 'main' },
      2,
      /^Could not be tried: no task ran on an agent\.$/,
    ],
    ['hits only', { ...ALIKE, place: 'cache' }, 2, /add --skip-nx-cache/],
    [
      'changed node_modules',
      { ...ALIKE, changedModules: ['node_modules/x'] },
      2,
      /node_modules\/x.*--full-copies/,
    ],
  ])('of %s', (_what, runs, exitCode, sentence) => {
    const result = resultOf(runs);
    expect(conclude(result)).toEqual({ exitCode, sentence: expect.stringMatching(sentence) as string });
    expect(JSON.parse(reportJson(result))).toMatchObject({ exitCode });
  });

  it('is the last line of the report, below both times and what differs', () => {
    const result = resultOf({
      plain: run({ a: task({ terminalOutput: 'one\ntwo\n' }) }),
      distributed: { ...run({ a: task({ terminalOutput: 'one\n2\n' }) }), durationMs: 30_000 },
    });
    const asIs = (text: string): string => text;
    expect(reportText(result, { bold: asIs, red: asIs, green: asIs, dim: asIs }).split('\n')).toEqual([
      '',
      'First run',
      '           plain      distributed',
      'time       1 min 0 s  30 s         0.50 × the plain time; here, all agents share one machine',
      'exit code  0          0',
      'tasks      1          1            1 on 2 agents',
      'failed     0          0',
      '',
      'What differs (- plain, + distributed)',
      '  a (agent-1)',
      '    log',
      '      - two',
      '      + 2',
      '',
      'Not safe yet: 1 of 1 task differs (a).',
      '',
    ]);
  });
});
