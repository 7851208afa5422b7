import type { NxTaskStatus } from '@org/dte-nx-compat';
import type { DteError, EndedEntry, FinishedAttempt, RunLogEntry } from '@org/dte-protocol';
import { concluded, lacking, neverRun, stopped } from './conclusion';
import type { Conclusion, FollowEffect, FollowEvent, FollowState, Source, TaskState } from './state';

/**
 * Takes one event, returns effects in the order in which they must start. Mutates `state`; reads no clock and has no
 * side effects.
 *
 * The states of a task and their transitions:
 *
 *     (unknown) --started--> begun
 *     unknown, begun --hit, ended: success--> taking --taken--> telling --told--> over (success)
 *                                             taking --untaken--> over (returned: the main job runs it)
 *     unknown, begun --ended: failure--> taking --taken, untaken--> telling --told, untold--> over (failure)
 *     unknown, begun --ended: returned--> judging --judged: failed--> taking, as a failure
 *                                         judging --judged, untaken--> over (returned)
 *     taking a hit, judging --made-again--> begun, and as after any ended
 *     begun --ended: cancelled--> telling --told, untold--> over (stopped)
 *     unknown --ended: cancelled, skipped--> over
 *
 * A failure counts from the moment it is known and is never revoked, whatever happens to its output. A success counts
 * when its outputs are restored and Nx is informed: if anything fails before that, this job runs the task. `conclude`
 * is the only way to the end, and each task of the log takes it only once. When the log is over, the main job runs the
 * rest. Some of those tasks must not start: `lacking` concludes such a task as failed, even if its outputs were lost
 * after it had succeeded.
 */
export function follow(state: FollowState, event: FollowEvent, nowMs: number): FollowEffect[] {
  const step = new Step(state, nowMs);
  step.take(event);
  return step.effects;
}

const finishedOf = ({ result }: EndedEntry): FinishedAttempt | null =>
  result?.kind === 'finished' ? result : null;

class Step {
  readonly effects: FollowEffect[] = [];

  constructor(
    private readonly state: FollowState,
    private readonly nowMs: number,
  ) {}

  take(event: FollowEvent): void {
    switch (event.type) {
      case 'hit':
        return this.onHit(event.hit.taskId, { kind: 'hit', hit: event.hit });
      case 'entry':
        return this.onEntry(event.entry);
      case 'taken':
        return this.onTaken(event);
      case 'untaken':
        return this.onUntaken(event.taskId, event.error);
      case 'made-again':
        return this.onMadeAgain(event.entry);
      case 'judged':
        return this.onJudged(event.taskId, event.failed);
      case 'told':
        return this.onTold(event.taskId);
      case 'untold':
        return this.onUntold(event.taskId, event.error);
      case 'server.ended':
        return this.settle(event.taskId, event.ending, event.ending);
      case 'lacking':
        return this.onLacking(event.taskId, event.error);
      case 'skip':
        return this.onSkip(event.taskId);
    }
  }

  private onHit(taskId: string, source: Source): void {
    if (this.state.tasks[taskId] === undefined || this.hasEnded(taskId)) return;
    this.begin(taskId, source);
  }

  private onEntry(entry: RunLogEntry): void {
    const { taskId } = entry;
    if (this.state.tasks[taskId] === undefined) return;
    if (entry.type !== 'started' && entry.batchLog !== undefined) {
      const { agent, batchLog: log } = entry;
      this.effects.push({ type: 'say-batch-log', taskId, agent, log });
    }
    // Nx does not see `retried` attempts: there, a task starts once and ends once.
    if (entry.type === 'ended') return this.onEnded(entry);
    if (entry.type !== 'started' || this.hasEnded(taskId)) return;
    this.become(taskId, { phase: 'begun' });
    this.effects.push({ type: 'begin', taskId });
  }

  private onEnded(entry: EndedEntry): void {
    const { taskId, status } = entry;
    const finished = finishedOf(entry);
    if (this.hasEnded(taskId)) {
      // The log has one such entry for each task. If there were two, neither may hide a failure.
      if (status === 'failure') this.settle(taskId, 'failure', 'failure');
      return;
    }
    switch (status) {
      case 'success': {
        const isGroup = finished === null && this.state.groups.has(taskId);
        return this.begin(taskId, isGroup ? { kind: 'group' } : { kind: 'success', entry, finished });
      }
      case 'failure':
        return this.fail(taskId, entry, finished);
      case 'returned':
        // Not a fault of the task: this job finds out its real result.
        this.state.endings.set(taskId, 'returned');
        this.become(taskId, { phase: 'judging', entry, finished });
        this.effects.push({ type: 'judge', taskId, entry, finished });
        return;
      case 'skipped':
        this.state.endings.set(taskId, 'skipped');
        this.become(taskId, { phase: 'over' });
        this.effects.push({ type: 'release-servers', taskId });
        return;
      case 'cancelled': {
        const hasBegun = this.state.states.get(taskId)?.phase === 'begun';
        this.state.endings.set(taskId, 'cancelled');
        if (hasBegun) this.conclude(stopped(taskId, this.times()));
        else this.become(taskId, { phase: 'over' });
        return;
      }
    }
  }

  private fail(taskId: string, entry: EndedEntry, finished: FinishedAttempt | null): void {
    const servers = finished?.servers ?? [];
    if (finished?.artifact.kind === 'none' && servers.some(({ failed }) => failed)) {
      this.settle(taskId, 'failure', 'skipped');
      this.conclude(neverRun(taskId, entry, finished));
      return;
    }
    this.settle(taskId, 'failure', 'failure');
    if (entry.agent !== null) this.state.failedOn.set(taskId, entry.agent);
    this.begin(taskId, { kind: 'failure', entry, finished });
  }

  private begin(taskId: string, source: Source): void {
    this.become(taskId, { phase: 'taking', source });
    this.effects.push({ type: 'take', taskId, source });
  }

  private onTaken({ taskId, taken }: Extract<FollowEvent, { type: 'taken' }>): void {
    const task = this.state.tasks[taskId];
    const at = this.state.states.get(taskId);
    if (task === undefined || at?.phase !== 'taking') return;
    this.count(at.source, taken.from);
    const conclusion = concluded(task, at.source, taken, this.times());
    if (conclusion.ending === 'failure') this.settle(taskId, 'failure', 'failure');
    this.conclude(conclusion);
  }

  private onUntaken(taskId: string, error: DteError): void {
    const at = this.state.states.get(taskId);
    if (at?.phase === 'taking' && at.source.kind === 'failure') {
      // Its output is not available, but it has failed anyway.
      const taken = { terminalOutput: `${error.explain()}\n`, from: null, code: 1, isLeft: false, note: '' };
      this.onTaken({ type: 'taken', taskId, taken });
    } else if (at?.phase === 'taking' || at?.phase === 'judging') this.giveBack(taskId, error);
  }

  private onMadeAgain(entry: EndedEntry): void {
    const { taskId } = entry;
    const at = this.state.states.get(taskId);
    const isOpen = at?.phase === 'judging' || (at?.phase === 'taking' && at.source.kind === 'hit');
    if (!isOpen) return;
    this.become(taskId, { phase: 'begun' });
    this.effects.push({ type: 'begin', taskId });
    this.onEnded(entry);
  }

  private onJudged(taskId: string, failed: boolean): void {
    const at = this.state.states.get(taskId);
    if (at?.phase !== 'judging') return;
    if (!failed) {
      this.become(taskId, { phase: 'over' });
      return;
    }
    this.fail(taskId, at.entry, at.finished);
    this.effects.push({ type: 'fail-late' });
  }

  private onTold(taskId: string): void {
    const at = this.state.states.get(taskId);
    if (at?.phase !== 'telling') return;
    const { ending, status, servers } = at.conclusion;
    if (ending === 'success') this.settle(taskId, ending, status);
    if (ending === 'cancelled') this.state.stopped.add(taskId);
    this.become(taskId, { phase: 'over' });
    if (servers !== null) this.effects.push({ type: 'release-servers', taskId });
  }

  private onUntold(taskId: string, error: DteError): void {
    const at = this.state.states.get(taskId);
    if (at?.phase !== 'telling') return;
    if (at.conclusion.ending === 'success') return this.giveBack(taskId, error);
    this.become(taskId, { phase: 'over' });
    this.effects.push({ type: 'explain', error });
  }

  /** The task is over here and runs in this job, unless it is known to have failed. */
  private giveBack(taskId: string, error: DteError): void {
    if (this.state.endings.get(taskId) !== 'failure') this.state.endings.set(taskId, 'returned');
    this.become(taskId, { phase: 'over' });
    this.effects.push({ type: 'explain', error });
  }

  private onLacking(taskId: string, error: DteError): void {
    this.settle(taskId, 'failure', 'failure');
    this.conclude(lacking(taskId, error, this.times()));
  }

  private onSkip(taskId: string): void {
    if (this.state.endings.get(taskId) === 'failure') return;
    const isStopped = this.state.stopped.has(taskId);
    this.state.statuses[taskId] = isStopped ? 'stopped' : 'skipped';
    if (!isStopped) this.effects.push({ type: 'show-skipped', taskId });
  }

  /** The only way to the end of a task. */
  private conclude(conclusion: Conclusion): void {
    this.become(conclusion.taskId, { phase: 'telling', conclusion });
    this.effects.push({ type: 'conclude', conclusion });
  }

  private settle(taskId: string, ending: 'success' | 'failure', status: NxTaskStatus): void {
    // A success after a failure changes nothing.
    if (ending === 'success' && this.state.endings.get(taskId) === 'failure') return;
    this.state.endings.set(taskId, ending);
    this.state.statuses[taskId] = status;
  }

  private count(source: Source, from: 'local' | 'remote' | null): void {
    const { state } = this;
    if (source.kind === 'hit') state.fromCache += 1;
    else if (source.kind === 'group') state.fromCache += from === null ? 0 : 1;
    else if (source.kind === 'success' && typeof source.finished?.fromCache === 'string')
      state.fromCache += 1;
    else if (source.entry.agent !== null) {
      const { name } = source.entry.agent;
      state.byAgent.set(name, (state.byAgent.get(name) ?? 0) + 1);
    }
  }

  private hasEnded(taskId: string): boolean {
    const phase = this.state.states.get(taskId)?.phase;
    return phase !== undefined && phase !== 'begun';
  }

  private become(taskId: string, next: TaskState): void {
    this.state.states.set(taskId, next);
  }

  private times(): { startMs: number; nowMs: number } {
    return { startMs: this.state.startMs, nowMs: this.nowMs };
  }
}
