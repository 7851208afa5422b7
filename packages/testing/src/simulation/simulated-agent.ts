import type {
  AgentWanted,
  Assignment,
  AttemptResult,
  FinishedAttempt,
  ServerReport,
  Work,
} from '@org/dte-protocol';
import { demand } from './demand';
import type { AgentLink, SimulatedCoordinator } from './simulated-coordinator';
import { SimulatedLink, type World } from './simulated-link';

/** Outcomes of attempts; all others succeed. */
export interface Fortune {
  failure: number;
  returned: number;
  /** Another hash than the main job's; omitted: the same. */
  drift?: number;
  /** A server that the task needs has failed; omitted: none. */
  serverFailure?: number;
  maxTaskMs: number;
}

/** What an agent really did, for the checkers: only this is true. */
export interface Deeds {
  /** By `run/task#attempt@agent`. */
  readonly results: Map<string, AttemptResult>;
  /** Servers that tasks need, by `run/task`. */
  readonly servers: ReadonlyMap<string, readonly string[]>;
}

export const deedKey = (runId: string, taskId: string, attempt: number, agentId: string): string =>
  `${runId}/${taskId}#${attempt}@${agentId}`;

interface Job {
  work: Work;
  readonly assignment: Assignment;
  /** It is prepared, and waits for a slot. */
  isAsking: boolean;
  timer: number;
}

export interface SimulatedAgentOptions {
  readonly id: string;
  readonly slots: number | null;
  readonly labels: string[];
  readonly onlyRun?: string;
  /** Attempts that it prepares beyond its slots. */
  readonly spare: number;
  readonly fortune: Fortune;
  /** Where it records its actions. */
  readonly deeds: Deeds;
}

/** On the simulated clock; as the limit `heartbeatMs`. */
const HEARTBEAT_MS = 5_000;

/** An agent as the protocol describes it, with tasks that only take time. */
export class SimulatedAgent {
  #link: AgentLink | null = null;
  #alive = true;
  #draining = false;
  #frozenUntilMs = 0;
  #seq = 0;
  readonly #jobs = new Map<string, Job>();
  /** What it must not run until another has ended, and how much it may run at a time. */
  #ahead: ReadonlySet<string> = new Set();
  #allowed = 0;

  constructor(
    private readonly world: World,
    private readonly coordinator: SimulatedCoordinator,
    private readonly options: SimulatedAgentOptions,
  ) {
    this.#connect();
    this.#beat();
  }

  get agentId(): string {
    return this.options.id;
  }

  /** Will accept work, now or after a reconnect. */
  get isServing(): boolean {
    return this.#alive && !this.#draining;
  }

  /** Like `isServing`, and for every run. */
  get isForAll(): boolean {
    return this.isServing && this.options.onlyRun === undefined;
  }

  freeze(forMs: number): void {
    this.#frozenUntilMs = this.world.clock.now() + forMs;
  }

  crash(): void {
    this.#alive = false;
    for (const { timer } of this.#jobs.values()) this.world.clock.clearTimeout(timer);
    this.#link?.break();
  }

  drain(): void {
    this.#draining = true;
    for (const key of this.#ahead) this.#giveBack(key);
    this.#sync();
  }

  /** Breaks the connection; the agent reconnects by itself. */
  cut(): void {
    this.#link?.break();
  }

  #connect(): void {
    if (!this.#alive) return;
    const link: AgentLink = new SimulatedLink(this.world, {
      onMessage: (wanted) => this.#unlessFrozen(() => this.#take(wanted)),
      onClosed: () => {
        if (this.#link !== link) return;
        this.#link = null;
        this.#later(this.world.random.int(100, 5_000), () => this.#connect());
      },
    });
    const { agentId } = this;
    const { slots, labels, spare, onlyRun } = this.options;
    const only = onlyRun === undefined ? {} : { onlyRun };
    this.#seq = 0;
    this.#link = link;
    if (
      this.coordinator.connectAgent(
        { agentId, name: agentId, jobUrl: null, slots, labels, spare, ...only },
        link,
      )
    ) {
      this.#sync();
    } else {
      this.#link = null;
      this.#later(this.world.random.int(100, 5_000), () => this.#connect());
    }
  }

  #take({ assignments, ahead = [], stop }: AgentWanted): void {
    this.#ahead = new Set(ahead.map(keyOf));
    this.#allowed = assignments.length - ahead.length;
    const wanted = new Map(assignments.map((assignment) => [keyOf(assignment), assignment]));
    let changed = false;
    for (const [key, job] of this.#jobs) {
      if (wanted.has(key)) continue;
      this.world.clock.clearTimeout(job.timer);
      this.#jobs.delete(key);
      changed = true;
    }
    for (const [key, assignment] of wanted) {
      if (this.#jobs.has(key) || this.#draining) continue;
      this.#begin(key, assignment);
      changed = true;
    }
    for (const ref of ahead) if (ref.recalled === true && this.#giveBack(keyOf(ref))) changed = true;
    if (this.#startNext()) changed = true;
    const leaves = (stop !== null || this.#draining) && this.#jobs.size === 0;
    if (leaves) this.crash();
    else if (changed) this.#sync();
  }

  #begin(key: string, assignment: Assignment): void {
    const { runId, taskId, attempt } = assignment;
    const phase = { name: 'preparing' } as const;
    const job: Job = { work: { runId, taskId, attempt, phase }, assignment, isAsking: false, timer: 0 };
    this.#jobs.set(key, job);
    job.timer = this.#later(this.world.random.int(0, this.options.fortune.maxTaskMs / 4), () => {
      job.isAsking = true;
      if (this.#startNext()) this.#sync();
    });
  }

  /** Starts what is prepared and may run now. */
  #startNext(): boolean {
    let started = false;
    for (const job of this.#jobs.values()) {
      if (!job.isAsking || !this.#mayRun(job)) continue;
      this.#start(job);
      started = true;
    }
    return started;
  }

  /** What was recalled may run already, and then takes a slot that the coordinator has given to another. */
  #mayRun({ assignment }: Job): boolean {
    const running = this.#running();
    if (running.length >= this.#allowed) return false;
    return running.length === 0 || (assignment.parallelism && running[0]?.assignment.parallelism === true);
  }

  #running(): Job[] {
    return [...this.#jobs.values()].filter(({ work }) => work.phase.name === 'executing');
  }

  #start(job: Job): void {
    const { runId, taskId, attempt, members } = job.assignment;
    const work = { runId, taskId, attempt };
    job.isAsking = false;
    job.work = { ...work, phase: { name: 'executing', startMs: this.world.clock.now() } };
    this.#checkRunning();
    job.timer = this.#later(this.world.random.int(1, this.options.fortune.maxTaskMs), () => {
      // An old message may make it run the same attempt again: artifacts are immutable, so the first result applies.
      const deed = deedKey(runId, taskId, attempt, this.agentId);
      const result = this.options.deeds.results.get(deed) ?? this.#result(job.work, members);
      this.options.deeds.results.set(deed, result);
      job.work = { ...work, phase: { name: 'completed', result } };
      this.#startNext();
      this.#sync();
    });
  }

  /** Whatever waits where, what runs at a time is what the coordinator has given slots. */
  #checkRunning(): void {
    // An old message may make it begin again what has ended.
    if (this.world.weather.duplication > 0) return;
    const running = this.#running();
    const alone = running.find(({ assignment }) => !assignment.parallelism);
    demand(
      alone === undefined || running.length === 1,
      `${this.agentId} runs ${alone?.work.taskId ?? ''} beside others`,
    );
    demand(
      running.length <= this.#allowed,
      `${this.agentId} runs ${running.length}, and may ${this.#allowed}`,
    );
  }

  /** @returns whether it is returned now */
  #giveBack(key: string): boolean {
    const job = this.#jobs.get(key);
    if (job?.work.phase.name !== 'preparing') return false;
    this.world.clock.clearTimeout(job.timer);
    job.isAsking = false;
    const reason = { code: 'DTE_RECALLED', message: 'simulated' } as const;
    job.work = { ...job.work, phase: { name: 'completed', result: { kind: 'returned', reason } } };
    return true;
  }

  #result({ runId, taskId, attempt }: Work, members: Assignment['members']): AttemptResult {
    const { random } = this.world;
    if (random.chance(this.options.fortune.returned)) {
      return { kind: 'returned', reason: { code: 'DTE_EXECUTOR_CRASHED', message: 'simulated' } };
    }
    if (members === undefined) {
      const result = this.#finished(taskId, attempt);
      // A task with another hash does not run, and needs no server.
      const isRun = result.reason?.code !== 'DTE_HASH_MISMATCH';
      return isRun ? { ...result, ...this.#servers(runId, taskId) } : result;
    }
    // An executor may or may not skip the dependents of a failure: the scheduler must accept both.
    const results = members.map((member) => ({
      taskId: member.taskId,
      result: random.chance(this.options.fortune.failure / 2) ? null : this.#finished(member.taskId, attempt),
    }));
    return { kind: 'batch', members: results, log: '' };
  }

  #servers(runId: string, taskId: string): Pick<FinishedAttempt, 'servers'> {
    const needed = this.options.deeds.servers.get(`${runId}/${taskId}`) ?? [];
    if (needed.length === 0) return {};
    const report = (id: string): ServerReport => {
      const failed = this.world.random.chance(this.options.fortune.serverFailure ?? 0);
      return { taskId: id, failed, ended: failed ? 'It ended.' : null, output: '' };
    };
    return { servers: needed.map(report) };
  }

  #finished(taskId: string, attempt: number): FinishedAttempt {
    const { random, clock } = this.world;
    const hasDrift = random.chance(this.options.fortune.drift ?? 0);
    const isLate = random.chance(0.2);
    const status = hasDrift || random.chance(this.options.fortune.failure) ? 'failure' : 'success';
    const hash = `made-${taskId.replace(/[^A-Za-z0-9]/g, '-')}`;
    return {
      kind: 'finished',
      status,
      code: status === 'success' ? 0 : 1,
      fromCache: null,
      hash,
      artifact: hasDrift
        ? { kind: 'none' }
        : random.chance(0.5)
          ? { kind: 'cache', hash }
          : { kind: 'attempt', attempt },
      startMs: clock.now(),
      endMs: clock.now(),
      reason: hasDrift
        ? { code: 'DTE_HASH_MISMATCH', message: 'simulated' }
        : status === 'failure' && isLate
          ? { code: 'DTE_TASK_TIMEOUT', message: 'simulated' }
          : null,
      hashDetails: null,
    };
  }

  #beat(): void {
    this.#later(HEARTBEAT_MS, () => {
      this.#sync();
      this.#beat();
    });
  }

  #sync(): void {
    if (!this.#alive) return;
    const work = Array.from(this.#jobs.values(), (job) => job.work);
    this.#link?.sendUp({
      type: 'agent.sync',
      seq: ++this.#seq,
      slots: this.options.slots,
      draining: this.#draining,
      work,
    });
  }

  #later(delayMs: number, run: () => void): number {
    return this.world.clock.setTimeout(() => this.#unlessFrozen(run), delayMs);
  }

  /** A frozen process does everything that was due when it continues. */
  #unlessFrozen(run: () => void): void {
    if (!this.#alive) return;
    const waitMs = this.#frozenUntilMs - this.world.clock.now();
    if (waitMs <= 0) run();
    else this.world.clock.setTimeout(() => this.#unlessFrozen(run), waitMs);
  }
}

const keyOf = ({ runId, taskId, attempt }: Pick<Assignment, 'runId' | 'taskId' | 'attempt'>): string =>
  `${runId}/${taskId}#${attempt}`;
