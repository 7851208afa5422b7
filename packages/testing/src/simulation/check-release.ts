import type { HistoryEvent, SchedulerState } from '@org/dte-scheduler';
import type { TaskSpec } from '@org/dte-protocol';
import { isServing } from './check-counters';
import { demand } from './demand';
import { type Agent, edgesOf, type SessionRecord } from './session-record';

interface Left {
  readonly runId: string;
  readonly task: TaskSpec;
}

/** Tasks of open runs that agents may still have to run. */
const tasksLeft = (state: SchedulerState, record: SessionRecord): Left[] =>
  [...state.openRuns].flatMap((runId) =>
    record.specs
      .get(runId)!
      .tasks.filter(({ id, initial }) => initial.state === 'pending' && !record.ended.has(`${runId}/${id}`))
      .map((task) => ({ runId, task })),
  );

/** Finds a task of a run. */
type TaskOf = (runId: string, taskId: string) => TaskSpec;

/** Everything that the task depends on, directly or not. */
function dependenciesOf(taskOf: TaskOf, { runId, task }: Left): Set<string> {
  const found = new Set<string>();
  const queue = [task];
  for (const next of queue)
    for (const { id } of edgesOf(next)) {
      if (found.has(id)) continue;
      found.add(id);
      queue.push(taskOf(runId, id));
    }
  return found;
}

/** How many of these tasks do not depend on each other: tasks less the largest matching of tasks to dependents (Dilworth, Fulkerson). */
export function widthOf(taskOf: TaskOf, tasks: readonly Left[]): number {
  const before = tasks.map((one) => {
    const needed = dependenciesOf(taskOf, one);
    return [...tasks.keys()].filter(
      (other) => tasks[other]!.runId === one.runId && needed.has(tasks[other]!.task.id),
    );
  });
  const behind = new Map<number, number>();
  const pair = (one: number, seen: Set<number>): boolean =>
    before[one]!.some((other) => {
      if (seen.has(other)) return false;
      seen.add(other);
      const taken = behind.get(other);
      if (taken !== undefined && !pair(taken, seen)) return false;
      behind.set(other, one);
      return true;
    });
  for (const one of tasks.keys()) pair(one, new Set());
  return tasks.length - behind.size;
}

/**
 * An agent leaves before the end only if those that stay can run everything that is left as soon as it is ready, even without any one of
 * them, and with a reserve. Computed from what was submitted and what has ended.
 */
export function checkReleased(
  state: SchedulerState,
  record: SessionRecord,
  { agentId }: Extract<HistoryEvent, { type: 'agent.released' }>,
): void {
  const released = state.agents.get(agentId)!;
  const { settings, finishWhenIdle } = state.session;
  demand(settings.releaseEarly === true, `${agentId} is released early although that is off`);
  demand(released.leases.size + released.ahead.size === 0, `${agentId} is released and has something to do`);
  demand(released.onlyRun === null, `${agentId} is released, which is the main job's own`);
  const isLast = [...state.openRuns].some((runId) =>
    record.specs.get(runId)!.requestedTargets.some((target) => settings.stopAgentsAfter.includes(target)),
  );
  demand(isLast || finishWhenIdle !== null, `${agentId} is released although more runs may come`);
  const tasks = tasksLeft(state, record);
  const taskOf: TaskOf = (...ids) => record.task(...ids);
  const mayRun = (agent: Agent, { runId, task }: Left): boolean =>
    record.entryFor(runId, task.id, agent) !== undefined;
  const slotsOf = (agent: Agent): number => {
    const caps = tasks.map((left) => {
      const { parallel } = record.specs.get(left.runId)!;
      const entry = record.entryFor(left.runId, left.task.id, agent);
      const cap = entry === undefined ? null : left.task.parallelism ? (entry?.parallelism ?? null) : 1;
      return Math.min(agent.slots ?? parallel, cap ?? Infinity);
    });
    return Math.min(agent.slots ?? state.defaultSlots ?? 0, ...caps);
  };
  const stay = [...state.agents.values()].filter((agent) => isServing(agent) && agent.onlyRun === null);
  demand(stay.length > 0, `${agentId} is released, and no other agent is left`);
  const good = stay.filter(({ faults, slow }) => faults < state.config.attemptsPerTask && !slow);
  for (const left of tasks.filter((each) => mayRun(released, each))) {
    const able = good.filter((agent) => mayRun(agent, left));
    const width = widthOf(
      taskOf,
      tasks.filter((other) => able.some((agent) => mayRun(agent, other))),
    );
    const slots = able.map(slotsOf);
    const all = slots.reduce((sum, each) => sum + each, 0);
    const needed = Math.max(width + Math.max(0, ...slots), (1 + state.config.reserveSlots) * width);
    demand(
      all >= needed,
      `${agentId} is released, and for ${left.task.id} ${all} slots stay, of which up to ${needed} may be needed`,
    );
  }
}

/** What the scheduler takes for the most tasks of each lane at the same time is at least that. */
export function checkWidths(state: SchedulerState, record: SessionRecord): void {
  const left = tasksLeft(state, record);
  for (const runId of state.openRuns) {
    const { lanes, tasks, graph } = state.runs.get(runId)!;
    for (const [lane, { width, chains }] of lanes.entries()) {
      const own = left.filter(({ runId: run, task }) => {
        const index = graph.indexOf.get(task.id);
        return run === runId && index !== undefined && tasks[index]?.lane === lane;
      });
      const open = chains.filter((count) => count > 0);
      demand(open.length === width, `the chains of a lane of ${runId} are miscounted`);
      demand(
        open.reduce((sum, count) => sum + count, 0) === own.length,
        `tasks in chains of ${runId} are miscounted`,
      );
      const exact = widthOf((...ids) => record.task(...ids), own);
      demand(exact <= width, `${exact} tasks of a lane of ${runId} can run at once, not ${width}`);
    }
  }
}
