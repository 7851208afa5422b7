import type { CacheOrigin } from '@org/dte-protocol';
import { foldEvents, type Miss, type ReportEvent } from '@org/dte-report';
import { chooseRun, taskLines } from './task-reasons';

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

describe('the reasons of tasks', () => {
  it('says which other pipeline has made a result', () => {
    const origin: CacheOrigin = {
      scope: 'trusted',
      pipelineId: '4711',
      jobId: '12',
      commit: '1a2b3c4d5e',
      agent: 'agent-2',
      atMs: Date.now() - 95_000,
    };
    const [found] = foldEvents([
      { type: 'run', atMs: 1, runId: 'r1', command: 'nx build', parallel: 1, tasks: [task('ui')] },
      { type: 'hit', atMs: 2, runId: 'r1', taskId: 'ui', origin },
      { ...ended('ui'), from: 'remote' } as ReportEvent,
    ]).runs;
    expect(found?.tasks.map(taskLines)).toEqual([
      [
        expect.stringMatching(
          /^ui did not run: another pipeline has made its result \(trusted: pipeline 4711, job 12, commit 1a2b3c4d, agent-2, 1 min 3\d s ago\)$/,
        ) as unknown,
      ],
    ]);
  });

  it('says for one task what differs, or that it did not have to run', () => {
    const { tasks } = chooseRun(model, 'ui');
    expect(tasks.map(taskLines)).toEqual([
      ['ui was not cached: a.ts changed'],
      [
        'app was not cached: a.ts changed; environment variable X differs',
        '  - a.ts changed',
        '  - environment variable X differs',
      ],
      ['shop did not run: its result came from the local cache'],
      ['e2e is never cached: its target does not set "cache": true'],
      ['late did not run (waiting)'],
    ]);
  });

  it('is about the last command, or the last one with the task', () => {
    expect(chooseRun(model, undefined).runId).toBe('r2');
    expect(chooseRun(model, 'app').runId).toBe('r1');
    expect(() => chooseRun(model, 'none')).toThrow(/had the task none. Its tasks: ui, app/);
    expect(() => chooseRun({ runs: [] }, undefined)).toThrow(/recorded anything/);
  });
});
