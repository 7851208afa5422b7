import { runSpec, taskSpec } from '@org/dte-testing';
import type { FinishedAttempt, RunUpdate, Work } from '@org/dte-protocol';
import type { Input } from './interface';
import { createState } from './state';
import { step } from './step';
import { CONFIG, SUCCESS } from './test-support/session';

const config = { ...CONFIG, attemptsPerTask: 1 };

it.each([
  ['DTE_OUTPUTS_DIFFER', 0],
  ['DTE_OUTPUTS_BUSY', 0],
  ['DTE_DISK_FULL', 1],
] as const)('counts what is the fault of an agent: %s, %i', (code, faults) => {
  const state = createState(CONFIG, 's1');
  const returned = {
    name: 'completed',
    result: { kind: 'returned', reason: { code, message: 'Why.' } },
  } as const;
  const work = [{ runId: 'r1', taskId: 'a:build', attempt: 1, phase: returned }];
  const inputs: Input[] = [
    { type: 'run.submit', spec: runSpec('r1', [taskSpec('a:build')]) },
    { type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } },
    { type: 'agent.joined', agent: { agentId: 'a1', name: 'agent-1', jobUrl: null, slots: 1, labels: [] } },
    {
      type: 'agent.sync',
      agentId: 'a1',
      sync: { type: 'agent.sync', seq: 1, slots: 1, draining: false, work },
    },
  ];
  for (const input of inputs) step(state, input, 1);
  expect(state.agents.get('a1')?.faults).toBe(faults);
});

it('returns a task to the main job with the code of its last loss', () => {
  const state = createState(config, 's1');
  const reason = { code: 'DTE_DISK_FULL', message: 'No space left.' } as const;
  const returned = { name: 'completed', result: { kind: 'returned', reason } } as const;
  const work = [{ runId: 'r1', taskId: 'a:build', attempt: 1, phase: returned }];
  const inputs: Input[] = [
    { type: 'run.submit', spec: runSpec('r1', [taskSpec('a:build')]) },
    { type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } },
    { type: 'agent.joined', agent: { agentId: 'a1', name: 'agent-1', jobUrl: null, slots: 1, labels: [] } },
    {
      type: 'agent.sync',
      agentId: 'a1',
      sync: { type: 'agent.sync', seq: 1, slots: 1, draining: false, work },
    },
  ];
  const updates = inputs
    .flatMap((input) => step(state, input, 1).send)
    .flatMap(({ message }) => (message.type === 'run.update' ? [message satisfies RunUpdate] : []));
  expect(updates.flatMap(({ entries }) => entries).at(-1)).toMatchObject({
    status: 'returned',
    reason: {
      code: 'DTE_ATTEMPTS_EXHAUSTED',
      message: 'Task a:build was lost 1 times, the last time on agent-1 (DTE_DISK_FULL): No space left.',
    },
  });
});

it('says of each result whether an agent ran the task, or which of its caches had it', () => {
  const state = createState(config, 's1');
  const failed = { ...SUCCESS, status: 'failure', code: 1 } as const;
  const results: Record<string, FinishedAttempt> = {
    'ran:build': SUCCESS,
    'failed:build': failed,
    'late:build': { ...failed, reason: { code: 'DTE_TASK_TIMEOUT', message: 'Why.' } },
    'local:build': { ...SUCCESS, fromCache: 'local-cache' },
    'remote:build': { ...SUCCESS, fromCache: 'remote-cache' },
    'differs:build': { ...failed, reason: { code: 'DTE_HASH_MISMATCH', message: 'Why.' } },
  };
  const ids = Object.keys(results);
  const work = ids.map((taskId): Work => {
    const phase = { name: 'completed', result: results[taskId]! } as const;
    return { runId: 'r1', taskId, attempt: 1, phase };
  });
  const slots = ids.length;
  const tasks = [...ids.map((id) => taskSpec(id)), taskSpec('skipped:build', ['failed:build'])];
  const inputs: Input[] = [
    { type: 'run.submit', spec: runSpec('r1', tasks, { parallel: slots }) },
    { type: 'agent.joined', agent: { agentId: 'a1', name: 'agent-1', jobUrl: null, slots, labels: [] } },
    {
      type: 'agent.sync',
      agentId: 'a1',
      sync: { type: 'agent.sync', seq: 1, slots, draining: false, work: [] },
    },
    { type: 'agent.sync', agentId: 'a1', sync: { type: 'agent.sync', seq: 2, slots, draining: false, work } },
  ];
  const ended = inputs
    .flatMap((input) => step(state, input, 1).events)
    .flatMap((event) => (event.type === 'task.ended' ? [[event.taskId, event.source] as const] : []));
  expect(Object.fromEntries(ended)).toEqual({
    'ran:build': 'ran',
    'failed:build': 'ran',
    'late:build': 'ran',
    'local:build': 'local-cache',
    'remote:build': 'remote-cache',
    'differs:build': null,
    'skipped:build': null,
  });
});
