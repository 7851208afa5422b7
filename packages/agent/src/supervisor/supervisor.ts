import {
  type AgentSync,
  type AgentWanted,
  type Assignment,
  type AttemptResult,
  type LimitValues,
  type Message,
  type Reason,
  DteError,
  LIMITS,
} from '@org/dte-protocol';
import {
  type FromExecutor,
  type NeedsServers,
  type ResultMessage,
  type Served,
  keyOf,
  refOf,
} from '../executor/ipc';
import { LONGEST_TIMER_MS } from '../executor/time-limit';
import { artifactsOf, describeAttempt, left, reasonOf, tasksOf } from './describe-attempt';
import { type ExecutorPool } from './executor-pool';
import { type HiddenValues } from './hidden-values';
import { overtime } from './overtime';
import { type Death, crashed } from './executor-process';
import { type Attempt, type AttemptState, pickStartable, reconcile } from './reconcile';
import { RestoredTable } from './restored-table';
import { type DiskKeeper } from './ports';
import { type RunFiles, type RunInput } from './run-files';
import { type Servers } from './servers';
import { type TaskLog } from './task-log';

export interface SupervisorOptions {
  /** For people. */
  readonly name: string;
  /** --slots; null: what the coordinator says. */
  readonly slots: number | null;
  readonly limits: Pick<LimitValues, 'killMs' | 'restoreConcurrency' | 'timeoutSettleMs'>;
  readonly pool: ExecutorPool;
  readonly runFiles: RunFiles;
  readonly servers: Servers;
  readonly log: TaskLog;
  readonly hidden: HiddenValues;
  /** Left out: the disk is this agent's alone. */
  readonly disk?: DiskKeeper | undefined;
  /** False when it was refused. */
  send(message: Message): boolean;
  /** Called after each change of what this agent does. */
  onChange(): void;
}

/** Results of attempts the coordinator forgot, should it, restarted, list one of them again. */
const REMEMBERED_RESULTS = 64;
/** How long news that nobody waits for may wait for company. */
const SYNC_SOON_MS = 100;
/** An executor that does not settle a stopped attempt within `killMs` and this is ended itself. */
const STOP_SETTLE_MS = 2_000;

/**
 * What an agent does about what it is wanted to do. Every change of the wanted state or of an attempt goes through
 * `turn`, which compares the two and acts; nothing else starts, stops or forgets an attempt.
 */
export class Supervisor {
  private readonly attempts = new Map<string, Attempt>();
  private readonly remembered = new Map<string, AttemptResult>();
  private readonly restored = new RestoredTable();
  /** By executor: the timer of a stop that it has been asked for, or of the time its task may run. */
  private readonly patience = new Map<number, NodeJS.Timeout>();
  private readonly begun = new Map<string, { readonly ms: number; readonly slot: number }>();
  private wanted: readonly Assignment[] = [];
  private isDraining = false;
  private seq = 0;
  private syncDue: NodeJS.Immediate | null = null;
  private syncSoon: NodeJS.Timeout | null = null;

  constructor(private readonly options: SupervisorOptions) {}

  get draining(): boolean {
    return this.isDraining;
  }

  /** Attempts listed, completed ones that the coordinator has not taken yet included. */
  get listed(): number {
    return this.attempts.size;
  }

  /** Attempts that are not completed. */
  get active(): number {
    return [...this.attempts.values()].filter(({ state }) => state.name !== 'completed').length;
  }

  onWanted(wanted: AgentWanted): void {
    this.wanted = wanted.assignments;
    const slots = this.options.slots ?? wanted.slots;
    if (slots !== null && slots !== this.options.pool.slots) this.options.pool.resize(slots);
    // Early: the first assignment of a run would otherwise wait for it.
    for (const runId of new Set(wanted.assignments.map((assignment) => assignment.runId))) {
      this.options.runFiles.get(runId).catch(() => undefined);
    }
    this.turn();
  }

  /** A new connection counts its syncs afresh and knows nothing. */
  onConnected(): void {
    this.seq = 0;
    this.sync();
  }

  /** Says the whole state now. */
  sync(): void {
    this.forgetDueSyncs();
    this.options.send(this.describe());
  }

  private forgetDueSyncs(): void {
    if (this.syncDue !== null) clearImmediate(this.syncDue);
    if (this.syncSoon !== null) clearTimeout(this.syncSoon);
    this.syncDue = null;
    this.syncSoon = null;
  }

  /** Takes nothing new; what has not begun is handed back. */
  drain(): void {
    this.isDraining = true;
    for (const [key, { state }] of this.attempts) if (state.name === 'waiting') this.complete(key, left());
    this.changed();
  }

  /** Ends what runs and hands it back. */
  handBack(): void {
    for (const [key, { state }] of this.attempts) if (state.name === 'running') this.stop(key, left());
    this.changed();
  }

  /** No executor can be had: everything that waits is handed back with the reason. */
  giveUp(reason: Reason): void {
    this.isDraining = true;
    for (const [key, { state }] of this.attempts) {
      if (state.name === 'waiting') this.complete(key, { kind: 'returned', reason });
    }
    this.changed();
  }

  /** Frees timers. Attempts are left to `pool.close()`. */
  close(): void {
    this.forgetDueSyncs();
    for (const timer of this.patience.values()) clearTimeout(timer);
  }

  onIdle(): void {
    this.turn();
  }

  onExecutorGone(executorId: number, death: Death): void {
    for (const { taskId, awaitedBy } of this.restored.abandon(executorId))
      this.tellElsewhere(awaitedBy, taskId, false);
    for (const [key, { assignment, state }] of this.attempts) {
      if (!('executorId' in state) || state.executorId !== executorId) continue;
      this.calm(executorId);
      if (state.name === 'stopping') this.settleStopped(key, state.result);
      else this.complete(key, { kind: 'returned', reason: crashed(assignment.taskId, death) });
    }
    this.turn();
  }

  onExecutorMessage(executorId: number, message: FromExecutor): void {
    if (message.type === 'ready' || message.type === 'unable' || message.type === 'server') return;
    const key = keyOf(message.ref);
    const attempt = this.attempts.get(key);
    // Nor is what an attempt that is over has restored of any use: the next one may be about to replace it.
    if (attempt === undefined || !('executorId' in attempt.state) || attempt.state.executorId !== executorId)
      return;
    switch (message.type) {
      case 'restored': {
        const awaitedBy = this.restored.restored(executorId, message.taskId, message.ok, message.outputs);
        this.tellElsewhere(awaitedBy, message.taskId, message.ok);
        break;
      }
      case 'executing':
        if (attempt.state.name === 'running') {
          this.set(key, { ...attempt.state, startMs: message.startMs });
          if (message.timeoutMs !== undefined) this.limit(executorId, key, message.timeoutMs);
        }
        this.changedALittle();
        break;
      case 'ran':
        if (attempt.state.name === 'running') this.calm(executorId);
        break;
      case 'output':
        this.onOutput(attempt.assignment, message);
        break;
      case 'needs-servers':
        void this.bring(executorId, key, message);
        break;
      case 'result':
        this.onResult(executorId, key, attempt, message);
        break;
    }
  }

  private async bring(executorId: number, key: string, message: NeedsServers): Promise<void> {
    const { runFiles, servers, pool } = this.options;
    const outcome = await runFiles
      .get(message.ref.runId)
      .then((run) => servers.bring(key, message, run))
      .catch((thrown: unknown): Served => ({ kind: 'unable', reason: reasonOf(DteError.from(thrown)) }));
    // One that was stopped meanwhile does not listen any more, and holds nothing.
    if (this.isRunBy(key, executorId)) pool.send(executorId, { type: 'served', ref: message.ref, outcome });
    else servers.release(key);
  }

  private onOutput(
    assignment: Assignment,
    { offset, data, last }: Extract<FromExecutor, { type: 'output' }>,
  ): void {
    const ref = refOf(assignment);
    if (data !== '') this.options.log.output(ref, offset, data);
    // Refused output is a gap that its offsets show; the artifact has all of it.
    // What a batch prints is no task's, and comes with its result.
    if (assignment.streamOutput && assignment.members === undefined)
      this.options.send({ type: 'agent.output', ...ref, offset, data, last });
  }

  private onResult(
    executorId: number,
    key: string,
    { assignment, state }: Attempt,
    { result, outputs, members = [] }: ResultMessage,
  ): void {
    this.calm(executorId);
    for (const { taskId, awaitedBy } of this.restored.abandon(executorId))
      this.tellElsewhere(awaitedBy, taskId, false);
    if (state.name === 'stopping') this.settleStopped(key, state.result);
    else {
      const { runId, taskId } = assignment;
      if (result.kind === 'finished') this.restored.produced(runId, taskId, result.artifact, outputs);
      if (result.kind === 'batch') {
        const made = artifactsOf(assignment, result);
        for (const member of members) {
          const artifact = made.get(member.taskId);
          if (artifact !== undefined) this.restored.produced(runId, member.taskId, artifact, member.outputs);
        }
      }
      this.complete(key, this.withServers(key, result));
    }
    this.options.pool.release(executorId);
    this.turn();
  }

  private withServers(key: string, result: AttemptResult): AttemptResult {
    const lost = this.options.servers.lostOf(key);
    // A task whose server this agent has lost did not fail by itself.
    if (lost !== null && result.kind === 'finished' && result.status === 'failure')
      return { kind: 'returned', reason: lost };
    const servers = this.options.servers.report(key);
    return result.kind !== 'finished' || servers.length === 0 ? result : { ...result, servers };
  }

  /**
   * Compares what is with what is wanted, and acts. Says so only when there was something to do: each sync is answered
   * with what is wanted, and an answer to every answer would never end.
   */
  private turn(): void {
    const actions = reconcile(this.attempts, this.wanted, this.isDraining);
    for (const action of actions) {
      switch (action.type) {
        case 'start':
          this.receive(action.assignment);
          break;
        case 'refuse':
          this.attempts.set(keyOf(action.assignment), {
            assignment: action.assignment,
            state: { name: 'completed', result: left() },
          });
          break;
        case 'stop':
          this.stop(action.key, null);
          break;
        case 'forget':
          this.forget(action.key);
          break;
      }
    }
    for (const key of pickStartable(this.attempts, this.options.pool.idle)) this.begin(key);
    // Results that the coordinator waits for say so themselves, in `complete`.
    if (actions.some(({ type }) => type === 'refuse' || type === 'stop')) this.changed();
    else if (actions.length > 0) this.changedALittle();
  }

  private receive(assignment: Assignment): void {
    const key = keyOf(assignment);
    const result = this.remembered.get(key);
    this.attempts.set(key, {
      assignment,
      state: result === undefined ? { name: 'waiting' } : { name: 'completed', result },
    });
  }

  private begin(key: string): void {
    const attempt = this.attempts.get(key);
    const executorId = attempt === undefined ? null : this.options.pool.take();
    if (attempt === undefined || executorId === null) return;
    const { assignment } = attempt;
    this.set(key, { name: 'running', executorId, startMs: null });
    const slot = this.freeSlot();
    this.begun.set(key, { ms: Date.now(), slot });
    this.options.log.started(refOf(assignment), slot, assignment.members?.length);
    this.ready(assignment).then(
      (run) => this.hand(executorId, key, assignment, run),
      (thrown: unknown) => {
        if (!this.isRunBy(key, executorId)) return;
        this.complete(key, { kind: 'returned', reason: reasonOf(DteError.from(thrown)) });
        this.options.pool.release(executorId);
        this.turn();
      },
    );
  }

  /** The run as executors need it; the machine is as the task needs it, as far as its executor does not see to that. */
  private async ready({ runId, closure, parallelism }: Assignment): Promise<RunInput> {
    const { runFiles, servers, disk } = this.options;
    const [run] = await Promise.all([
      runFiles.get(runId),
      parallelism ? undefined : servers.stopIdle(),
      ...(disk === undefined ? [] : closure.map((entry) => disk.bring(entry))),
    ]);
    return run;
  }

  private hand(executorId: number, key: string, assignment: Assignment, run: RunInput): void {
    if (!this.isRunBy(key, executorId)) {
      // Stopped before its executor heard of it: there is nothing to end.
      const state = this.attempts.get(key)?.state;
      if (state?.name !== 'stopping' || state.executorId !== executorId) return;
      this.calm(executorId);
      this.settleStopped(key, state.result);
      this.options.pool.release(executorId);
      this.turn();
      return;
    }
    const { limits, pool, disk } = this.options;
    const closure = disk === undefined ? assignment.closure : [];
    const plan = this.restored.plan(executorId, assignment.runId, closure);
    for (const taskId of tasksOf(assignment)) {
      this.restored.began(taskId);
      disk?.began(taskId);
    }
    pool.send(executorId, {
      ...{ type: 'run', assignment: { ...assignment, closure: [] }, ...plan, ...run },
      agentName: this.options.name,
      restoreConcurrency: Math.max(1, Math.floor(limits.restoreConcurrency / pool.slots)),
    });
  }

  private isRunBy(key: string, executorId: number): boolean {
    const state = this.attempts.get(key)?.state;
    return state?.name === 'running' && state.executorId === executorId;
  }

  private stop(key: string, result: AttemptResult | null): void {
    const attempt = this.attempts.get(key);
    if (attempt?.state.name !== 'running') return;
    const { executorId } = attempt.state;
    const { killMs } = this.options.limits;
    this.set(key, { name: 'stopping', executorId, result });
    this.calm(executorId);
    this.options.pool.send(executorId, { type: 'stop', ref: refOf(attempt.assignment), graceMs: killMs });
    // The executor itself may hang; then it goes with everything below it.
    const timer = setTimeout(() => this.options.pool.kill(executorId), killMs + STOP_SETTLE_MS);
    this.patience.set(executorId, timer);
  }

  /** The executor ends what runs too long; one that hangs itself goes with everything below it. */
  private limit(executorId: number, key: string, timeoutMs: number): void {
    const { name, limits, pool } = this.options;
    const onOver = (): void => {
      const attempt = this.attempts.get(key);
      if (attempt?.state.name !== 'running') return;
      const { assignment, state } = attempt;
      const times = { startMs: state.startMs ?? Date.now(), endMs: Date.now() };
      const result = overtime(assignment, { ...times, timeoutMs, agentName: name });
      this.set(key, { name: 'stopping', executorId, result });
      pool.kill(executorId);
      this.changedALittle();
    };
    const patienceMs = Math.min(timeoutMs + limits.killMs + limits.timeoutSettleMs, LONGEST_TIMER_MS);
    this.patience.set(executorId, setTimeout(onOver, patienceMs));
  }

  private settleStopped(key: string, result: AttemptResult | null): void {
    if (result !== null) {
      this.complete(key, result);
      return;
    }
    const attempt = this.attempts.get(key);
    if (attempt !== undefined) this.options.log.stopped(refOf(attempt.assignment));
    this.forget(key);
  }

  private complete(key: string, given: AttemptResult): void {
    const attempt = this.attempts.get(key);
    if (attempt === undefined) return;
    const result = this.options.hidden.inResult(given);
    const begun = this.begun.get(key);
    this.begun.delete(key);
    this.options.servers.release(key);
    if (begun !== undefined) this.options.log.ended(refOf(attempt.assignment), result, Date.now() - begun.ms);
    this.set(key, { name: 'completed', result });
    this.noteOver(attempt.assignment, result);
    this.changed();
  }

  /** What an attempt has left on a disk that is not this agent's alone. */
  private noteOver(assignment: Assignment, result: AttemptResult | null): void {
    const { disk } = this.options;
    const made = disk === undefined ? null : artifactsOf(assignment, result);
    for (const taskId of tasksOf(assignment)) disk?.over(taskId, made?.get(taskId) ?? null);
  }

  private forget(key: string): void {
    const attempt = this.attempts.get(key);
    const state = attempt?.state;
    this.attempts.delete(key);
    this.begun.delete(key);
    this.options.servers.release(key);
    if (attempt !== undefined && state?.name === 'stopping') this.noteOver(attempt.assignment, null);
    this.changedALittle();
    if (state?.name !== 'completed') return;
    this.remembered.set(key, state.result);
    const [oldest] = this.remembered.keys();
    if (oldest !== undefined && this.remembered.size > REMEMBERED_RESULTS) this.remembered.delete(oldest);
  }

  /** For people: executors are replaced, slots stay. */
  private freeSlot(): number {
    const used = new Set([...this.begun.values()].map(({ slot }) => slot));
    let slot = 1;
    while (used.has(slot)) slot++;
    return slot;
  }

  private set(key: string, state: AttemptState): void {
    const attempt = this.attempts.get(key);
    if (attempt !== undefined) this.attempts.set(key, { ...attempt, state });
  }

  private calm(executorId: number): void {
    clearTimeout(this.patience.get(executorId));
    this.patience.delete(executorId);
  }

  private tellElsewhere(executorIds: readonly number[], taskId: string, ok: boolean): void {
    for (const id of executorIds) this.options.pool.send(id, { type: 'elsewhere', taskId, ok });
  }

  /** One sync for everything that happens in one turn of the event loop. */
  private changed(): void {
    this.syncDue ??= setImmediate(() => this.sync());
    this.options.onChange();
  }

  /** What nobody waits for: received, begun, forgotten. Of a task that is over in a moment only its result is said. */
  private changedALittle(): void {
    this.syncSoon ??= setTimeout(() => this.sync(), SYNC_SOON_MS);
    this.options.onChange();
  }

  private describe(): AgentSync {
    const work = [...this.attempts.values()].flatMap(describeAttempt);
    return {
      type: 'agent.sync',
      seq: ++this.seq,
      slots: this.options.slots,
      draining: this.isDraining,
      work: work.slice(0, LIMITS.slotsPerAgent.value * 2),
    };
  }
}
