import { foldEvents, type ReportEvent } from '@org/dte-report';
import { chooseRun } from '@org/dte-runner';
import { reasonLines } from './why';

/** A task that had to run, and what was different. */
const missed = (taskId: string, ...inputs: string[]): ReportEvent[] => [
  {
    type: 'ended',
    atMs: 2,
    runId: 'r1',
    taskId,
    status: 'success',
    code: 0,
    from: null,
    here: true,
    startMs: 1,
    endMs: 2,
    output: null,
  },
  {
    type: 'miss',
    atMs: 3,
    runId: 'r1',
    taskId,
    miss: { kind: 'changed', text: inputs.join('; '), inputs },
  },
];

it('counts the reasons of a command, the most frequent first', () => {
  const tasks = ['ui', 'app'].map((id) => ({
    id,
    project: id,
    target: 'build',
    configuration: null,
    dependencies: [],
    hash: null,
    cacheable: true,
    expectedMs: null,
  }));
  const model = foldEvents([
    { type: 'run', atMs: 1, runId: 'r1', command: 'nx build', parallel: 1, tasks },
    ...missed('ui', 'a.ts changed'),
    ...missed('app', 'a.ts changed', 'environment variable X differs'),
  ]);
  expect(reasonLines(chooseRun(model, 'ui'))).toEqual([
    'nx build: 2 tasks, 0 from a cache, 2 not cached',
    '',
    expect.stringMatching(/2 +a\.ts changed +ui\n1 +environment variable X differs +app$/),
  ]);
});
