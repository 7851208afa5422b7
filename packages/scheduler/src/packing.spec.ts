import { runSpec, seededRandom, taskSpec } from '@org/dte-testing';
import type { Capacity, TaskSpec } from '@org/dte-protocol';
import type { TaskNeed } from './indexes';
import { shareOf } from './packing';
import { play, type Played } from './test-support/play';

const GB = 1024 ** 3;
const MB = 1024 ** 2;

interface Sized extends TaskNeed {
  readonly task: TaskSpec;
  readonly ms: number;
}

const sized = (id: string, cpus: number | null, memoryBytes: number | null, ms = 10_000): Sized => ({
  task: taskSpec(id),
  cpus,
  memoryBytes,
  ms,
});

/** A play, with the most that tasks took of each agent at a time. */
function packed(
  tasks: readonly Sized[],
  agents: Readonly<Record<string, { readonly slots?: number; readonly capacity?: Capacity }>>,
  parallel = 4,
): Played & { readonly most: (agentId: string) => { tasks: number; cpus: number; memoryBytes: number } } {
  const byId = new Map(tasks.map((each) => [each.task.id, each]));
  const most = new Map<string, { tasks: number; cpus: number; memoryBytes: number }>();
  const played = play({
    submission: {
      spec: runSpec(
        'r1',
        tasks.map(({ task }) => task),
        { parallel },
      ),
      learntMs: tasks.map(({ ms }) => ms),
      needs: tasks.map(({ cpus, memoryBytes }) => ({ cpus, memoryBytes })),
    },
    agents: Object.entries(agents).map(([agentId, how]) => ({ agentId, ...how })),
    msOf: (taskId) => byId.get(taskId)!.ms,
    onWanted: (running) => {
      for (const [agentId, ids] of running) {
        const all = ids.map((id) => byId.get(id)!);
        const was = most.get(agentId) ?? { tasks: 0, cpus: 0, memoryBytes: 0 };
        most.set(agentId, {
          tasks: Math.max(was.tasks, all.length),
          cpus: Math.max(
            was.cpus,
            all.reduce((sum, each) => sum + (each.cpus ?? 1), 0),
          ),
          memoryBytes: Math.max(
            was.memoryBytes,
            all.reduce((sum, each) => sum + (each.memoryBytes ?? GB), 0),
          ),
        });
      }
    },
  });
  return { ...played, most: (agentId) => most.get(agentId) ?? { tasks: 0, cpus: 0, memoryBytes: 0 } };
}

const EIGHT = { cpus: 4, memoryBytes: 8 * GB };

describe('an agent with --slots=auto', () => {
  it('never has two big tasks, and small ones beside a big one', () => {
    const big = Array.from({ length: 4 }, (_, index) => sized(`big${index}`, 1, 5 * GB, 20_000));
    const small = Array.from({ length: 12 }, (_, index) => sized(`small${index}`, 0.9, 400 * MB));
    const { most, makespanMs } = packed([...big, ...small], { a1: { capacity: EIGHT } });
    expect(most('a1').memoryBytes).toBeLessThanOrEqual(5 * GB + 3 * 400 * MB);
    expect(most('a1').tasks).toBe(4);
    // The big ones one after another, and all the small ones beside them.
    expect(makespanMs).toBe(80_000);
    const fixed = packed([...big, ...small], { a1: { slots: 4 } });
    expect(fixed.most('a1').memoryBytes).toBe(20 * GB);
  });

  it('runs as many tasks as there are cores if each takes one, and --parallel of those that take less', () => {
    const busy = Array.from({ length: 8 }, (_, index) => sized(`t${index}`, 1, 100 * MB));
    const idle = Array.from({ length: 8 }, (_, index) => sized(`t${index}`, 0.1, 100 * MB));
    const two = { capacity: { cpus: 2, memoryBytes: 8 * GB } };
    expect(packed(busy, { a1: two }).most('a1').tasks).toBe(2);
    expect(packed(idle, { a1: two }).most('a1').tasks).toBe(4);
    expect(packed(idle, { a1: { ...two, slots: 6 } }).most('a1').tasks).toBe(6);
  });

  it('takes one core and 1 GB for a task that was never measured', () => {
    const unknown = Array.from({ length: 8 }, (_, index) => sized(`t${index}`, null, null));
    expect(packed(unknown, { a1: { capacity: { cpus: 8, memoryBytes: 3 * GB } } }).most('a1').tasks).toBe(2);
    expect(packed(unknown, { a1: { capacity: { cpus: 3, memoryBytes: 64 * GB } } }).most('a1').tasks).toBe(3);
  });

  it('runs what fits no agent alone on the largest, which is emptied for it', () => {
    const huge = sized('huge', 2, 30 * GB, 5_000);
    const small = Array.from({ length: 40 }, (_, index) => sized(`t${index}`, 1, 1.5 * GB, 8_000 + index));
    const { most, startedMs } = packed([...small, huge], {
      a1: { capacity: { cpus: 4, memoryBytes: 6 * GB } },
      a2: { capacity: EIGHT },
    });
    expect(most('a1').memoryBytes).toBeLessThanOrEqual(6 * GB);
    expect(most('a2').memoryBytes).toBe(30 * GB);
    expect(startedMs.size).toBe(41);
  });

  it('is not filled with small tasks again and again while a big one waits, and the other agents go on', () => {
    const big = sized('big', 4, 1 * GB, 30_000);
    const small = Array.from({ length: 200 }, (_, index) =>
      sized(`t${index}`, 1, 100 * MB, 3_000 + 40 * index),
    );
    const agents = { a1: { capacity: EIGHT }, a2: { capacity: EIGHT } };
    const { startedMs, makespanMs } = packed([...small, big], agents);
    expect(startedMs.get('big')).toBeLessThan(20_000);
    const work = [...small, big].reduce((sum, { cpus, ms }) => sum + (cpus ?? 1) * ms, 0);
    expect(makespanMs / (work / 8)).toBeLessThan(1.05);
  });

  it('keeps within cores and memory whatever the tasks are, and nothing waits forever', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const random = seededRandom(seed);
      const tasks = Array.from({ length: 60 }, (_, index) => ({
        ...sized(`t${index}`, random.int(1, 25) / 10, random.int(50, 5_000) * MB, random.int(1, 20) * 1_000),
        task: taskSpec(
          `t${index}`,
          index > 5 && random.int(0, 1) > 0 ? [`t${random.int(0, index - 1)}`] : [],
          {
            parallelism: random.int(0, 9) > 0,
          },
        ),
      }));
      const { most, startedMs } = packed(tasks, {
        a1: { capacity: EIGHT },
        a2: { capacity: EIGHT },
        a3: { slots: 1 },
      });
      expect(startedMs.size).toBe(60);
      for (const agentId of ['a1', 'a2']) {
        expect(most(agentId).cpus).toBeLessThanOrEqual(4.0001);
        expect(most(agentId).memoryBytes).toBeLessThanOrEqual(8 * GB);
      }
    }
  });
});

describe('the part of an agent that a task takes', () => {
  // Five times 200 MB are for its own processes.
  const capacity = { cpus: 4, memoryBytes: 8 * GB + 1000 * MB };

  it.each<[string, { cpus: number | null; memoryBytes: number | null } | null, number]>([
    ['a slot, if it is small', { cpus: 0.1, memoryBytes: MB }, 1 / 4],
    ['its cores', { cpus: 3, memoryBytes: MB }, 3 / 4],
    ['its memory, of what the agent does not need itself', { cpus: 0.1, memoryBytes: 4 * GB }, 0.5],
    ['all of it, if it is too large', { cpus: 16, memoryBytes: 64 * GB }, 1],
    ['what is usual, if it was never measured', null, 1 / 4],
    ['what is usual of what was not measured', { cpus: null, memoryBytes: 4 * GB }, 0.5],
  ])('is %s', (_, need, share) => {
    expect(Math.abs(shareOf(need, capacity, 4) - share)).toBeLessThan(0.01);
  });

  it('is all of a machine that has no memory for tasks', () => {
    expect(shareOf(null, { cpus: 4, memoryBytes: 100 * MB }, 4)).toBe(1);
  });
});
