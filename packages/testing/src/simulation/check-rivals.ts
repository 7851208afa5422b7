import type { HistoryEvent, SchedulerState } from '@org/dte-scheduler';
import { demand } from './demand';
import type { SessionRecord } from './session-record';

type Event<T extends HistoryEvent['type']> = Extract<HistoryEvent, { type: T }>;

/**
 * Which attempts of each task are live, as far as events tell: one, or two of a task that was started a second time. Whatever ends
 * a task or has it tried again leaves none, and exactly one result counts.
 */
export class LiveAttempts {
  /** `run/task` -> attempt -> its agent. */
  private readonly live = new Map<string, Map<number, string>>();
  /** `run/task` that were started a second time. */
  private readonly doubled = new Set<string>();
  /** How many second starts there were. */
  seconds = 0;

  constructor(private readonly record: SessionRecord) {}

  has(runId: string, taskId: string, attempt: number): boolean {
    return this.of(runId, taskId).has(attempt);
  }

  /** After the state of the step is known. */
  assigned(state: SchedulerState, { runId, taskId, attempt, agentId }: Event<'task.assigned'>): void {
    const live = this.of(runId, taskId);
    // The events about an attempt of a batch name one of its tasks.
    if (this.record.task(runId, taskId).batch !== undefined) live.clear();
    if (live.size > 0) this.checkSecond(state, { runId, taskId, agentId });
    live.set(attempt, agentId);
  }

  /** An attempt was lost, outrun or taken back. */
  over(event: Event<'task.lost'> | Event<'task.outrun'> | Event<'task.recalled'>): void {
    const { runId, taskId, attempt, type } = event;
    // It gave way to another task, and may come back.
    if (event.type === 'task.outrun' && event.end === 'withdrawn') this.doubled.delete(`${runId}/${taskId}`);
    const live = this.of(runId, taskId);
    const had = live.delete(attempt);
    const left = type === 'task.outrun' ? 1 : type === 'task.recalled' ? 0 : live.size;
    demand(live.size === left, `of two attempts of ${taskId}, ${live.size} are left`);
    // Not if the attempt was lost: then its end has been told before.
    if (event.type === 'task.outrun' && had) this.checkWinner(event, [...live.keys()][0]!);
  }

  /** The failure of a second start counts only when the first attempt is over. */
  private checkWinner({ runId, taskId, attempt, end }: Event<'task.outrun'>, other: number): void {
    const statusOf = (each: number) => this.record.deed(runId, taskId, each)?.status;
    if (end === 'second')
      demand(statusOf(other) === 'success', `${taskId}#${other} failed, and ends attempt ${attempt}`);
    if (end === 'failed')
      demand(
        statusOf(attempt) === 'failure' && attempt > other,
        `${taskId}#${attempt} is over without failing`,
      );
  }

  /** The task has ended, or is tried again. */
  settled({ runId, taskId, attempt }: Pick<Event<'task.ended'>, 'runId' | 'taskId' | 'attempt'>): void {
    const live = this.of(runId, taskId);
    if (attempt !== null) live.delete(attempt);
    demand(attempt === null || live.size === 0, `${taskId} is over, and an attempt of it is still wanted`);
    live.clear();
  }

  /** The attempts that agents are told to make are those. */
  check(state: SchedulerState): void {
    for (const run of state.runs.values()) {
      const wanted = [...run.leases.values(), ...run.rivals.values()];
      for (const { index, attempt, agentId, open } of wanted)
        for (const each of open) {
          const taskId = run.graph.ids[each]!;
          const known = this.of(run.runId, taskId).get(attempt);
          demand(known === agentId, `${taskId}#${attempt} is leased to ${agentId}, not ${known ?? 'live'}`);
          demand(index === each || !run.rivals.has(index), `${taskId} is of a batch and started twice`);
        }
      for (const index of run.late)
        demand(run.leases.has(index) && !run.rivals.has(index), 'a late task has no attempt, or two');
    }
  }

  private checkSecond(
    state: SchedulerState,
    { runId, taskId, agentId }: { runId: string; taskId: string; agentId: string },
  ): void {
    const key = `${runId}/${taskId}`;
    const task = this.record.task(runId, taskId);
    const agents = [...this.of(runId, taskId).values()];
    demand(
      agents.length === 1 && !agents.includes(agentId),
      `${key} runs on ${agents.join()}, and ${agentId}`,
    );
    demand(!this.doubled.has(key), `${key} is started a second time once more`);
    this.doubled.add(key);
    this.seconds++;
    const lateMs = this.record.lateMs(runId, taskId);
    demand(task.secondStart === true && task.cacheable && lateMs !== null, `${key} may not start twice`);
    const isAlone = !task.parallelism || task.batch !== undefined || task.continuousDependencies.length > 0;
    demand(!isAlone, `${key} is not a task to start twice`);
    const places = [agentId, ...agents].map((id) => state.agents.get(id)!);
    demand(
      places.every(({ onlyRun }) => onlyRun === null),
      `${key} runs twice, once on the disk of its main job`,
    );
    const run = state.runs.get(runId)!;
    const first = run.leases.get(run.graph.indexOf.get(taskId)!)!;
    demand(first.started && first.lateAtMs !== null, `${key} is not late and starts twice`);
    demand(first.lateAtMs <= state.nowMs, `${key} starts twice before it is late`);
    demand(!places[0]!.slow, `${key} starts a second time on ${agentId}, which is slow`);
    this.checkIdle(state, agentId);
  }

  /** No task waits that could have had the slot. */
  private checkIdle(state: SchedulerState, agentId: string): void {
    const agent = state.agents.get(agentId)!;
    for (const runId of state.openRuns) {
      const run = state.runs.get(runId)!;
      run.tasks.forEach(({ state: { name } }, index) => {
        const taskId = run.graph.ids[index]!;
        const fits = this.record.entryFor(runId, taskId, agent) !== undefined;
        demand(name !== 'ready' || !fits, `${taskId} waits, and ${agentId} gets a second start`);
      });
    }
  }

  private of(runId: string, taskId: string): Map<number, string> {
    const key = `${runId}/${taskId}`;
    const live = this.live.get(key) ?? new Map<number, string>();
    this.live.set(key, live);
    return live;
  }
}
