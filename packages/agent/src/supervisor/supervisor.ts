import {
  type AgentSync,
  type AgentWanted,
  type Assignment,
  type AttemptResult,
  type Reason,
  DteError,
} from '@org/dte-protocol';
import { type FromExecutor, type OutputMessage, type ResultMessage, keyOf, refOf } from '../executor/ipc';
import { AttemptTable } from './attempt-table';
import { reasonOf } from '../executor/reason';
import { bringServers } from './bring-servers';
import { describeWork, isBusy, left, recalled } from './describe-attempt';
import { DiskState } from './disk-state';
import { overtimeNow } from './overtime';
import { type Death, crashed } from './executor-process';
import { type Attempt, pickStartable, reconcile } from './reconcile';
import { Patience } from './patience';
import { type Handed, prepareMachine, runMessage } from './hand-over';
import { type SupervisorOptions } from './supervisor-options';
import { SyncSchedule } from './sync-schedule';
import { Turns } from './turns';

/**
 * Makes an agent do what the coordinator wants. Every change of the wanted state or of an attempt goes through `turn`,
 * which compares the two and acts; nothing else starts, stops or forgets an attempt.
 */
export class Supervisor {
  private readonly attempts = new AttemptTable();
  private readonly turns = new Turns(this.attempts.all, (key) => this.go(key));
  private readonly disk: DiskState;
  private readonly schedule = new SyncSchedule(() => this.sync());
  private readonly patience: Patience;
  private wanted: readonly Assignment[] = [];
  private isDraining = false;
  private seq = 0;

  constructor(private readonly options: SupervisorOptions) {
    const { disk, pool, limits } = options;
    this.patience = new Patience(limits, (executorId) => pool.kill(executorId));
    this.disk = new DiskState(pool, disk);
  }

  /** Listed attempts, including completed ones that the coordinator has not acknowledged. */
  get listed(): number {
    return this.attempts.all.size;
  }

  /** Those that are not completed. */
  get active(): number {
    return this.attempts.active;
  }

  onWanted(wanted: AgentWanted): void {
    this.wanted = wanted.assignments;
    const slots = this.options.slots ?? wanted.slots;
    if (slots !== null && slots !== this.options.pool.slots) this.options.pool.resize(slots);
    // Early: otherwise, the first assignment of a run would wait for it.
    for (const runId of new Set(wanted.assignments.map((assignment) => assignment.runId))) {
      this.options.runFiles.get(runId).catch(() => undefined);
    }
    this.turns.wanted(wanted, slots);
    this.turn();
    for (const ref of wanted.ahead ?? []) if (ref.recalled === true) this.giveBack(keyOf(ref));
  }

  /** A new connection numbers its syncs from the beginning and knows nothing. */
  onConnected(): void {
    this.seq = 0;
    this.sync();
  }

  /** Sends the whole state now. */
  sync(): void {
    this.schedule.clear();
    this.options.send(this.describe());
  }

  /** Accepts nothing new; attempts that have not started are returned. */
  drain(): void {
    this.isDraining = true;
    for (const key of this.attempts.all.keys()) if (this.turns.isAhead(key)) this.giveBack(key);
    for (const key of this.attempts.in('waiting')) this.complete(key, left());
    this.changed();
  }

  /** Returns an attempt that waits for the slot of another, unless it has begun. */
  private giveBack(key: string): void {
    if (this.turns.hasBegun(key)) return;
    if (this.attempts.get(key)?.state.name === 'waiting') this.complete(key, recalled());
    else this.stop(key, recalled());
  }

  /** Stops what runs and returns it. */
  handBack(): void {
    for (const key of this.attempts.in('running')) this.stop(key, left());
    this.changed();
  }

  /** No executor can be started: all waiting attempts are returned with the reason. */
  giveUp(reason: Reason): void {
    this.isDraining = true;
    for (const key of this.attempts.in('waiting')) this.complete(key, { kind: 'returned', reason });
    this.changed();
  }

  close(): void {
    this.schedule.clear();
    this.patience.close();
  }

  onIdle(): void {
    this.turn();
  }

  onExecutorGone(executorId: number, death: Death): void {
    this.disk.abandon(executorId);
    for (const [key, { assignment, state }] of this.attempts.all) {
      if (!('executorId' in state) || state.executorId !== executorId) continue;
      this.patience.calm(executorId);
      this.disk.interrupted();
      if (state.name === 'stopping') this.settleStopped(key, state.result);
      else this.complete(key, { kind: 'returned', reason: crashed(assignment.taskId, death) });
    }
    this.turn();
  }

  onExecutorMessage(executorId: number, message: FromExecutor): void {
    if (!('ref' in message) || message.type === 'server') return;
    const key = keyOf(message.ref);
    const attempt = this.attempts.get(key);
    // What an ended attempt has restored is useless as well: the next one may be about to replace it.
    if (attempt === undefined || !('executorId' in attempt.state) || attempt.state.executorId !== executorId)
      return;
    switch (message.type) {
      case 'restored':
        this.disk.restored(executorId, message);
        break;
      case 'executing':
        if (attempt.state.name === 'running') {
          this.attempts.set(key, { ...attempt.state, startMs: message.startMs });
          if (message.timeoutMs !== undefined) this.limit(executorId, key, message.timeoutMs);
        }
        this.changedALittle();
        break;
      case 'ran':
        if (attempt.state.name === 'running') this.patience.calm(executorId);
        break;
      case 'prepared':
        if (attempt.state.name === 'running') this.turns.ask(key);
        break;
      case 'freed':
        this.attempts.freeSlot(key);
        // Before the next command starts; the result says what is there instead.
        this.disk.replaced(message.outputs);
        this.turns.free(key);
        break;
      case 'output':
        this.onOutput(attempt.assignment, message);
        break;
      case 'needs-servers':
        void bringServers(this.options, this.attempts, executorId, message);
        break;
      case 'result':
        this.onResult(executorId, attempt, message);
        break;
    }
  }

  private onOutput(assignment: Assignment, { offset, data, last }: OutputMessage): void {
    const ref = refOf(assignment);
    if (data !== '') this.options.log.output(ref, offset, data);
    // Refused output is a gap in its offsets; the artifact has all of it.
    if (assignment.streamOutput && assignment.members === undefined)
      this.options.send({ type: 'agent.output', ...ref, offset, data, last });
  }

  private onResult(executorId: number, { assignment, state }: Attempt, message: ResultMessage): void {
    const key = keyOf(message.ref);
    this.patience.calm(executorId);
    this.disk.abandon(executorId);
    this.disk.produced(assignment, message, state.name === 'stopping');
    if (state.name === 'stopping') this.settleStopped(key, state.result);
    else {
      const isPassed = !this.turns.hasBegun(key) && this.turns.isAhead(key) && isBusy(message.result);
      if (!isPassed) this.show(key);
      this.complete(key, isPassed ? recalled() : this.options.servers.complete(key, message.result));
    }
    this.free(executorId);
  }

  private free(executorId: number): void {
    this.options.pool.release(executorId);
    this.turn();
  }

  /**
   * Compares the actual and the wanted state, and acts. Reports only if there was something to do: each sync is
   * answered with the wanted state, and an answer to every answer would never end.
   */
  private turn(): void {
    const actions = reconcile(this.attempts.all, this.wanted, this.isDraining);
    for (const action of actions) {
      switch (action.type) {
        case 'start':
          this.attempts.receive(action.assignment);
          break;
        case 'refuse':
          this.attempts.refuse(action.assignment, left());
          break;
        case 'stop':
          this.stop(action.key, null);
          break;
        case 'forget':
          this.forget(action.key);
          break;
      }
    }
    const isAhead = (key: string): boolean => this.turns.isAhead(key);
    for (const key of pickStartable(this.attempts.all, this.options.pool.idle, isAhead)) this.begin(key);
    // Results that the coordinator waits for are reported in `complete`.
    if (actions.some(({ type }) => type === 'refuse' || type === 'stop')) this.changed();
    else if (actions.length > 0) this.changedALittle();
  }

  private begin(key: string): void {
    const attempt = this.attempts.get(key);
    const executorId = attempt === undefined ? null : this.options.pool.take();
    if (attempt === undefined || executorId === null) return;
    const { assignment } = attempt;
    this.attempts.begin(key, executorId);
    const hasSlot = this.turns.take(key);
    if (hasSlot) this.show(key);
    prepareMachine(this.options, this.disk, assignment).then(
      (run) => this.hand(executorId, key, assignment, hasSlot ? run : { ...run, waits: true }),
      (thrown: unknown) => {
        if (!this.attempts.isRunBy(key, executorId)) return;
        this.show(key);
        this.complete(key, { kind: 'returned', reason: reasonOf(DteError.from(thrown)) });
        this.free(executorId);
      },
    );
  }

  private show(key: string): void {
    const attempt = this.attempts.get(key);
    const slot = this.attempts.takeSlot(key);
    if (attempt === undefined || slot === null) return;
    this.options.log.started(refOf(attempt.assignment), slot, attempt.assignment.members?.length);
  }

  private go(key: string): void {
    const attempt = this.attempts.get(key);
    if (attempt?.state.name !== 'running') return;
    const { executorId } = attempt.state;
    this.show(key);
    const plan = this.disk.again(executorId, attempt.assignment);
    this.options.pool.send(executorId, { type: 'go', ref: refOf(attempt.assignment), ...plan });
  }

  private hand(executorId: number, key: string, assignment: Assignment, run: Handed): void {
    if (!this.attempts.isRunBy(key, executorId)) {
      // Stopped before its executor got it: there is nothing to stop.
      const state = this.attempts.get(key)?.state;
      if (state?.name !== 'stopping' || state.executorId !== executorId) return;
      this.patience.calm(executorId);
      this.settleStopped(key, state.result);
      this.free(executorId);
      return;
    }
    const given = { executorId, assignment, run, receivedMs: this.attempts.receivedMs(key) };
    this.options.pool.send(executorId, runMessage(this.options, this.disk, given));
  }

  private stop(key: string, result: AttemptResult | null): void {
    const attempt = this.attempts.get(key);
    if (attempt?.state.name !== 'running') return;
    const { executorId } = attempt.state;
    const { pool, limits } = this.options;
    this.attempts.set(key, { name: 'stopping', executorId, result });
    this.turns.withdraw(key);
    pool.send(executorId, { type: 'stop', ref: refOf(attempt.assignment), graceMs: limits.killMs });
    this.patience.stopping(executorId);
  }

  /** The executor stops what runs too long; one that hangs itself is killed with all its child processes. */
  private limit(executorId: number, key: string, timeoutMs: number): void {
    const { name, pool } = this.options;
    this.patience.running(executorId, timeoutMs, () => {
      const attempt = this.attempts.get(key);
      const result = attempt === undefined ? null : overtimeNow(attempt, timeoutMs, name);
      if (result === null) return;
      this.attempts.set(key, { name: 'stopping', executorId, result });
      pool.kill(executorId);
      this.changedALittle();
    });
  }

  private settleStopped(key: string, result: AttemptResult | null): void {
    if (result !== null) {
      this.complete(key, result);
      return;
    }
    const attempt = this.attempts.get(key);
    if (attempt !== undefined && this.turns.hasBegun(key))
      this.options.log.stopped(refOf(attempt.assignment));
    this.forget(key);
  }

  private complete(key: string, given: AttemptResult): void {
    const attempt = this.attempts.get(key);
    if (attempt === undefined) return;
    const result = this.options.hidden.inResult(given);
    const tookMs = this.attempts.end(key);
    this.options.servers.release(key);
    this.turns.over(key);
    if (tookMs !== null) this.options.log.ended(refOf(attempt.assignment), result, tookMs);
    this.attempts.set(key, { name: 'completed', result });
    this.disk.over(attempt.assignment, result);
    this.changed();
  }

  private forget(key: string): void {
    const attempt = this.attempts.forget(key);
    this.turns.over(key);
    this.options.servers.release(key);
    if (attempt?.state.name === 'stopping') this.disk.over(attempt.assignment, null);
    this.changedALittle();
  }

  /** One sync for everything that happens in one turn of the event loop. */
  private changed(): void {
    this.schedule.now();
    this.options.onChange();
  }

  /** Changes that are not urgent: received, started, forgotten. */
  private changedALittle(): void {
    this.schedule.later();
    this.options.onChange();
  }

  private describe(): AgentSync {
    const work = describeWork(this.attempts.all);
    const { slots } = this.options;
    return { type: 'agent.sync', seq: ++this.seq, slots, draining: this.isDraining, work };
  }
}
