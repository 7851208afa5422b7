import { foldEvents, type Miss, type ReportEvent } from '@org/dte-report';
import { chooseRun } from '@org/dte-runner';
import { reasonLines } from './why';

const task = (id: string) => ({
  id,
  project: id,
  target: 'build',
  configuration: null,
  dependencies: [],
  hash: null,
  cacheable: id !== 'e2e',
  expectedMs: null,
});
const ended = (taskId: string, from: 'local' | null = null): ReportEvent => ({
  type: 'ended',
  atMs: 2,
  runId: 'r1',
  taskId,
  status: 'success',
  code: 0,
  from,
  here: true,
  startMs: 1,
  endMs: 2,
  output: null,
});
const miss = (taskId: string, ...inputs: string[]): ReportEvent => {
  const said: Miss = { kind: 'changed', text: inputs.join('; '), inputs };
  return { type: 'miss', atMs: 3, runId: 'r1', taskId, miss: said };
};

const model = foldEvents([
  {
    type: 'run',
    atMs: 1,
    runId: 'r1',
    command: 'nx build',
    parallel: 1,
    tasks: ['ui', 'app', 'shop', 'e2e', 'late'].map(task),
  },
  ended('ui'),
  ended('app'),
  ended('shop', 'local'),
  ended('e2e'),
  miss('ui', 'a.ts changed'),
  miss('app', 'a.ts changed', 'environment variable X differs'),
  { type: 'run', atMs: 4, runId: 'r2', command: 'nx lint', parallel: 1, tasks: [task('lint')] },
]);

describe('dte why', () => {
  it('counts the reasons of a command, the most frequent first', () => {
    expect(reasonLines(chooseRun(model, 'ui'))).toEqual([
      'nx build: 5 tasks, 1 from a cache, 2 not cached',
      '',
      expect.stringMatching(/2 +a\.ts changed +ui\n1 +environment variable X differs +app$/),
    ]);
  });
});
