import { runSpec, seededRandom, taskSpec } from '@org/dte-testing';
import type { RunSpec } from '@org/dte-protocol';
import { createState } from './state';
import { step } from './step';
import { floorOf, play } from './test-support/play';
import { CONFIG } from './test-support/session';

interface Shape {
  readonly alone: number;
  readonly aloneMs: number;
  readonly shared: number;
  readonly sharedMs: number;
  /** Tasks wait for others. */
  readonly deep?: boolean;
}

type Workload = { readonly spec: RunSpec; readonly msOf: (taskId: string) => number };

/** Lengths that differ by factors, as those of real tasks do. */
function workload(
  { alone, aloneMs, shared, sharedMs, deep = false }: Shape,
  slots: number,
  seed: number,
): Workload {
  const random = seededRandom(seed);
  const lengths = new Map<string, number>();
  const spread = (ms: number): number => {
    const [one, other] = [random.int(1, 1e6) / 1e6, random.int(1, 1e6) / 1e6];
    return Math.max(
      1,
      Math.round(ms * Math.exp(0.6 * Math.sqrt(-2 * Math.log(one)) * Math.cos(2 * Math.PI * other))),
    );
  };
  const sharedTasks = Array.from({ length: shared }, (_, index) => {
    lengths.set(`s${index}`, spread(sharedMs));
    const isDeep = deep && index > 20 && random.int(0, 2) > 0;
    return taskSpec(`s${index}`, isDeep ? [`s${random.int(0, index >> 1)}`] : []);
  });
  const aloneTasks = Array.from({ length: alone }, (_, index) => {
    lengths.set(`a${index}`, spread(aloneMs));
    return taskSpec(`a${index}`, deep ? [`s${random.int(0, shared - 1)}`] : [], { parallelism: false });
  });
  const spec = runSpec('r1', [...sharedTasks, ...aloneTasks], { parallel: slots });
  return { spec, msOf: (taskId) => lengths.get(taskId) ?? 0 };
}

/** The longest and the average time of some runs over the time that no schedule can beat. */
function overFloor(shape: Shape, agents: number, slots: number): { mean: number; worst: number } {
  const ratios = Array.from({ length: 8 }, (_, seed) => {
    const { spec, msOf } = workload(shape, slots, seed + 1);
    const { makespanMs } = play({
      submission: { spec, learntMs: spec.tasks.map(({ id }) => msOf(id)) },
      agents: Array.from({ length: agents }, (__, index) => ({ agentId: `g${index}` })),
      msOf,
    });
    return makespanMs / floorOf(spec, msOf, agents, slots);
  });
  return { mean: ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length, worst: Math.max(...ratios) };
}

describe('tasks that must run alone', () => {
  const flat = { alone: 30, shared: 200, sharedMs: 10_000 };
  it.each<[string, Shape, number, number]>([
    ['longer than the others', { ...flat, aloneMs: 20_000 }, 6, 4],
    ['as long as the others', { ...flat, aloneMs: 10_000 }, 6, 4],
    ['shorter than the others', { ...flat, aloneMs: 4_000 }, 6, 4],
    ['longer than the others, two slots', { ...flat, aloneMs: 20_000 }, 3, 2],
    ['after others', { ...flat, aloneMs: 10_000, deep: true }, 6, 4],
    ['few, after others', { ...flat, alone: 6, aloneMs: 15_000, deep: true }, 6, 4],
  ])('that are %s are placed in time', (_, shape, agents, slots) => {
    const { mean, worst } = overFloor(shape, agents, slots);
    expect(mean).toBeLessThan(1.035);
    expect(worst).toBeLessThan(1.06);
  });

  it('do not starve beside 1,500 short ones, one at a time on each of six agents', () => {
    const shape = { alone: 100, aloneMs: 27_000, shared: 1_500, sharedMs: 6_000 };
    const { spec, msOf } = workload(shape, 2, 1);
    const { makespanMs, startedMs } = play({
      submission: { spec, learntMs: spec.tasks.map(({ id }) => msOf(id)) },
      agents: Array.from({ length: 6 }, (_, index) => ({ agentId: `g${index}` })),
      msOf,
    });
    expect(makespanMs / floorOf(spec, msOf, 6, 2)).toBeLessThan(1.01);
    const last = Math.max(
      ...spec.tasks.filter(({ parallelism }) => !parallelism).map(({ id }) => startedMs.get(id)!),
    );
    expect(last).toBeLessThan(0.7 * makespanMs);
  });

  it('leave an idle agent to a task that the run would end later without', () => {
    const tasks = [taskSpec('alone', [], { parallelism: false }), taskSpec('long'), taskSpec('short')];
    const spec = runSpec('r1', tasks, { parallel: 2 });
    const lengths: Record<string, number> = { alone: 5_000, long: 30_000, short: 1_000 };
    const msOf = (taskId: string): number => lengths[taskId]!;
    const { startedMs, makespanMs } = play({
      submission: { spec, learntMs: spec.tasks.map(({ id }) => msOf(id)) },
      agents: [{ agentId: 'g0' }],
      msOf,
    });
    expect([startedMs.get('long'), startedMs.get('alone'), makespanMs]).toEqual([0, 30_000, 36_000]);
  });
});

describe('the work that waits', () => {
  it('is all of it before agents come, less what they run, and nothing in the end', () => {
    const spec = runSpec(
      'r1',
      [
        taskSpec('a', [], { weight: 10 }),
        taskSpec('b', [], { weight: 20, parallelism: false }),
        taskSpec('c', ['a'], { weight: 40 }),
        taskSpec('d', [], { initial: { state: 'done', artifact: { kind: 'none' } } }),
      ],
      { parallel: 2 },
    );
    const state = createState(CONFIG, 's1');
    step(state, { type: 'run.submit', spec }, 1);
    const waiting = (): number => state.runs.get('r1')!.waitingMs;
    expect(waiting()).toBe(90);
    const agent = { agentId: 'g1', name: 'g1', jobUrl: null, slots: 2, labels: [] };
    step(state, { type: 'agent.joined', agent }, 2);
    expect(waiting()).toBe(80);
    step(state, { type: 'agent.removed', agentId: 'g1', reason: { code: 'DTE_AGENT_LEFT', message: '' } }, 3);
    expect(waiting()).toBe(90);
    step(
      state,
      { type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'cancel' } },
      4,
    );
    expect(waiting()).toBe(0);
  });
});
