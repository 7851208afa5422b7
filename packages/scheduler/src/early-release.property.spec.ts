import { runSpec, taskSpec, widthOf } from '@org/dte-testing';
import { DEFAULT_SESSION_SETTINGS, type Placement, type TaskSpec } from '@org/dte-protocol';
import fc from 'fast-check';
import type { Input } from './interface';
import { buildGraph } from './graph';
import type { SchedulerState } from './state';
import { type Play, play } from './test-support/play';

const MAX_TASKS = 16;
const LABELS = ['x', 'y'];

/** Tasks with edges to earlier ones; some must run alone, some only where a rule sends them, some do nothing. */
const tasks: fc.Arbitrary<TaskSpec[]> = fc
  .array(
    fc.record({
      dependencies: fc.uniqueArray(fc.nat(MAX_TASKS), { maxLength: 3 }),
      alone: fc.nat(9),
      placement: fc.option(fc.nat(1), { nil: undefined, freq: 2 }),
      kind: fc.nat(9),
    }),
    { minLength: 1, maxLength: MAX_TASKS },
  )
  .map((list) =>
    list.map(({ dependencies, alone, placement, kind }, index) =>
      taskSpec(
        `p${index}:build`,
        dependencies.filter((other) => other < index).map((other) => `p${other}:build`),
        {
          parallelism: alone > 0,
          ...(placement === undefined ? {} : { placement }),
          ...(kind === 0 ? { initial: { state: 'noop' as const } } : {}),
        },
      ),
    ),
  );

const placements: fc.Arbitrary<Placement[]> = fc.array(
  fc.record({
    rule: fc.constant('rule'),
    runOn: fc.uniqueArray(
      fc.record({
        label: fc.constantFrom(...LABELS),
        parallelism: fc.option(fc.integer({ min: 1, max: 3 })),
      }),
      { minLength: 1, maxLength: 2, selector: ({ label }) => label },
    ),
  }),
  { minLength: 2, maxLength: 2 },
);

/** More agents than most graphs can use. At least one has both labels, so that every task has an agent. */
const agents = fc
  .array(
    fc.record({
      slots: fc.option(fc.integer({ min: 1, max: 3 })),
      labels: fc.subarray(LABELS),
      packs: fc.boolean(),
    }),
    { minLength: 2, maxLength: 12 },
  )
  .map((list) => [...list, { slots: 2, labels: LABELS, packs: false }]);

const plays = fc.record({
  list: tasks,
  placements,
  agents,
  parallel: fc.integer({ min: 1, max: 3 }),
  /** Long and short, as at the end of a run. */
  lengths: fc.array(fc.constantFrom(1_000, 20_000, 90_000, 400_000), {
    minLength: MAX_TASKS,
    maxLength: MAX_TASKS,
  }),
  needs: fc.array(
    fc.record({
      cpus: fc.constantFrom(0.5, 1, 3),
      memoryBytes: fc.constantFrom(1e8, 2e9, 6e9),
    }),
    { minLength: MAX_TASKS, maxLength: MAX_TASKS },
  ),
  isPacking: fc.boolean(),
});

type Plan = typeof plays extends fc.Arbitrary<infer Each> ? Each : never;

const settings = (releaseEarly: boolean): Input => ({
  type: 'session.configure',
  settings: { ...DEFAULT_SESSION_SETTINGS, stopAgentsAfter: ['build'], releaseEarly },
});

const playOf = (plan: Plan, releaseEarly: boolean): Play => {
  const indexOf = (taskId: string): number => Number(/[0-9]+/.exec(taskId)?.[0]);
  return {
    submission: {
      spec: runSpec('r', plan.list, { placements: plan.placements, parallel: plan.parallel }),
      needs: plan.list.map((_, index) => plan.needs[index] ?? null),
    },
    agents: plan.agents.map(({ packs, slots, labels }, index) => ({
      agentId: `a${index}`,
      slots,
      labels,
      ...(packs && plan.isPacking
        ? { capacity: { cpus: 2 + (index % 3), memoryBytes: 5e9 + 2e9 * (index % 3) } }
        : {}),
    })),
    msOf: (taskId) => plan.lengths[indexOf(taskId)] ?? 0,
    before: [settings(releaseEarly)],
    // As few as possible: what is promised must not depend on what is kept for second starts.
    limits: { reserveSlots: 0 },
  };
};

/** Ready tasks, as far as one of these agents could run them. */
function waiting(state: SchedulerState, agents: Plan['agents']): string[] {
  return [...state.runs.values()].flatMap(({ lanes, placements: rules, graph }) =>
    lanes
      .filter(({ placement }) => {
        const runOn = placement === null ? null : (rules[placement]?.runOn ?? []);
        return agents.some(({ labels }) => runOn?.some(({ label }) => labels.includes(label)) ?? true);
      })
      .flatMap(({ ready }) => ready.map((index) => graph.ids[index] ?? '')),
  );
}

describe('agents that leave before the end', () => {
  it('delay nothing: every task starts when it would have started if all of them had stayed', () => {
    let left = 0;
    fc.assert(
      fc.property(plays, (plan) => {
        const stayed = play(playOf(plan, false));
        const early = play(playOf(plan, true));
        left += early.leftMs.size;
        expect(stayed.leftMs.size).toBe(0);
        expect(Object.fromEntries(early.startedMs)).toEqual(Object.fromEntries(stayed.startedMs));
        expect(early.makespanMs).toBe(stayed.makespanMs);
      }),
      { numRuns: 500 },
    );
    expect(left).toBeGreaterThan(250);
  });

  it('leave a reserve: an agent dies at any time, and what it ran starts again at once', () => {
    let died = 0;
    fc.assert(
      fc.property(plays, fc.nat(9), fc.nat(9), (plan, after, who) => {
        let rounds = 0;
        play({
          ...playOf({ ...plan, isPacking: false }, true),
          onRound: (state, kill) => {
            if (state.release.count === 0 || rounds++ !== after || state.openRuns.size === 0) return false;
            const left = plan.agents.filter((_, index) => !state.agents.has(`a${index}`));
            const busy = [...state.agents.values()].filter(({ leases }) => leases.size > 0);
            const victim = busy[who % busy.length];
            if (victim !== undefined) kill(victim.agentId);
            died += Number(victim !== undefined);
            // Where no agent has left, there may have been too few from the start.
            expect(waiting(state, left)).toEqual([]);
            return true;
          },
        });
      }),
      { numRuns: 500 },
    );
    expect(died).toBeGreaterThan(50);
  });
});

describe('the chains of a graph', () => {
  it('are never fewer than the tasks of it that can run at the same time, and seldom many more', () => {
    const sums = { chains: 0, width: 0 };
    fc.assert(
      fc.property(tasks, (list) => {
        const spec = runSpec(
          'r',
          list.map(({ placement: _, ...task }) => ({ ...task, parallelism: true })),
        );
        const { chainOf } = buildGraph(spec);
        const chains = new Set(chainOf.filter((chain) => chain >= 0)).size;
        const work = spec.tasks.filter(({ initial }) => initial.state === 'pending');
        const byId = new Map(spec.tasks.map((task) => [task.id, task]));
        const width = widthOf(
          (_, id) => byId.get(id)!,
          work.map((task) => ({ runId: 'r', task })),
        );
        expect(chains).toBeGreaterThanOrEqual(width);
        sums.chains += chains;
        sums.width += width;
      }),
      { numRuns: 2_000 },
    );
    expect(sums.chains / sums.width).toBeLessThan(1.01);
  });
});
