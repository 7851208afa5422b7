import { runSpec, seededRandom, taskSpec } from '@org/dte-testing';
import type { Assignment, Capacity, RunSpec, Work } from '@org/dte-protocol';
import type { TaskNeed } from './indexes';
import type { Effects, Input } from './interface';
import { createState, type SchedulerState } from './state';
import { step } from './step';
import { CONFIG } from './test-support/session';

/** Layers of `width` tasks, each with two dependencies in the layer before; every third layer starts afresh. */
function layered(tasks: number, width: number, options: Partial<RunSpec>): RunSpec {
  const random = seededRandom(7);
  const list = Array.from({ length: tasks }, (_, index) => {
    const layer = Math.floor(index / width);
    const below = () => `t${(layer - 1) * width + random.int(0, width - 1)}`;
    return taskSpec(`t${index}`, layer % 3 === 0 ? [] : [below(), below()], {
      parallelism: index % 200 !== 0,
      // Of three tasks one is of no rule.
      ...(options.placements === undefined || index % 3 === 2 ? {} : { placement: index % 3 }),
    });
  });
  return runSpec('r1', list, options);
}

const executing = ({ runId, taskId, attempt }: Assignment): Work => ({
  runId,
  taskId,
  attempt,
  phase: { name: 'executing', startMs: 0 },
});

const succeeded = (assignment: Assignment): Work => ({
  ...executing(assignment),
  phase: {
    name: 'completed',
    result: {
      kind: 'finished',
      status: 'success',
      code: 0,
      fromCache: null,
      hash: 'h',
      artifact: { kind: 'cache', hash: 'h' },
      startMs: 0,
      endMs: 0,
      reason: null,
      hashDetails: null,
    },
  },
});

const KINDS = ['small', 'medium', 'large'];

/** Runs a whole session and gives the number of operations per step, submission excepted. */
function operationsPerStep(
  tasks: number,
  agents: number,
  {
    slots = 4,
    capacity,
    needs,
    ...options
  }: Partial<RunSpec> & { slots?: number | null; capacity?: Capacity; needs?: readonly TaskNeed[] } = {},
): number {
  const state: SchedulerState = createState(CONFIG, 's1');
  const wanted = new Map<string, Assignment[]>();
  let nowMs = 1;
  let steps = 0;
  const give = (input: Input): Effects => {
    steps++;
    const effects = step(state, input, (nowMs += 3));
    for (const each of effects.send)
      if (each.to === 'agent') wanted.set(each.agentId, each.message.assignments);
    return effects;
  };
  for (let index = 0; index < agents; index++) {
    const agentId = `a${index}`;
    give({
      type: 'agent.joined',
      agent: {
        agentId,
        name: agentId,
        jobUrl: null,
        slots,
        labels: [KINDS[index % KINDS.length]!, agentId],
        capacity,
      },
    });
  }
  give({
    type: 'run.submit',
    spec: layered(tasks, tasks / 12, options),
    ...(needs === undefined ? {} : { needs }),
  });
  give({ type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } });
  steps = 0;
  state.operations = 0;
  for (let seq = 1; state.openRuns.size > 0; seq++) {
    for (const agentId of wanted.keys()) {
      const [first, ...rest] = wanted.get(agentId)!;
      const work = first === undefined ? [] : [succeeded(first), ...rest.map(executing)];
      give({
        type: 'agent.sync',
        agentId,
        sync: { type: 'agent.sync', seq, slots, draining: false, work },
      });
    }
  }
  expect(state.runs.get('r1')?.done).toBe(tasks);
  return state.operations / steps;
}

describe('cost of a step', () => {
  it('stays below a bound for any size of the session', () => {
    const small = operationsPerStep(1_200, 10);
    const large = operationsPerStep(24_000, 500);
    // Heap moves, closure entries, agents and runs looked at: some tens for each task, whatever the size.
    expect(small).toBeLessThan(40);
    expect(large).toBeLessThan(40);
  });

  it('stays below it with agents that pack', () => {
    const capacity = { cpus: 2, memoryBytes: 4 * 1024 ** 3 };
    const random = seededRandom(3);
    const needs = (tasks: number) =>
      Array.from({ length: tasks }, () => ({
        cpus: random.int(2, 12) / 10,
        memoryBytes: random.int(1, 20) * 1e8,
      }));
    const small = operationsPerStep(1_200, 10, { capacity, needs: needs(1_200), slots: 4 });
    const large = operationsPerStep(3_000, 120, { capacity, needs: needs(3_000), slots: 4 });
    expect(small).toBeLessThan(400);
    expect(large).toBeLessThan(400);
  });

  it('looks at each agent once in a step if tasks are too large for agents that pack', () => {
    const capacity = { cpus: 1, memoryBytes: 2 * 1024 ** 3 };
    const needs = (tasks: number) => Array.from({ length: tasks }, () => ({ cpus: 2, memoryBytes: 8e9 }));
    const of = (tasks: number, agents: number): number =>
      operationsPerStep(tasks, agents, { capacity, needs: needs(tasks), slots: 4 });
    const [small, large] = [of(600, 10), of(1_200, 120)];
    expect(small).toBeLessThan(200);
    expect(large).toBeLessThan(small + 4 * 120);
  });

  it.each([
    ['bound the tasks of their agents', 2, null],
    ['give their agents more tasks', 8, null],
    ['meet agents with slots of their own', 2, 4],
    ['leave the number of tasks alone', null, null],
  ])('stays below it with assignment rules that %s', (_, parallelism, slots) => {
    const placements = [
      { rule: 'one', runOn: [{ label: 'small', parallelism }] },
      {
        rule: 'other',
        runOn: [
          { label: 'small', parallelism: null },
          { label: 'large', parallelism },
        ],
      },
    ];
    const options = { placements, slots, parallel: 4 };
    expect(operationsPerStep(1_200, 10, options)).toBeLessThan(60);
    expect(operationsPerStep(24_000, 500, options)).toBeLessThan(60);
  });
});
