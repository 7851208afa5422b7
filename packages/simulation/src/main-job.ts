import {
  type CoordinatorToMain,
  coordinatorToMainSchema,
  DEFAULT_SESSION_SETTINGS,
  DteError,
  type FinishedAttempt,
  LIMITS,
  type RunSpec,
  type SessionInfo,
} from '@org/dte-protocol';
import {
  follow,
  FollowedRun,
  type FollowEffect,
  type FollowEvent,
  type FollowState,
  leftovers,
  newFollowState,
} from '@org/dte-runner/core';
import { exampleHello } from '@org/dte-testing';
import { keyOf, SESSION_ID } from './artifacts';
import { type SimulatedConnection } from './connection';
import { limits } from './coordinator';
import { type PlannedRun, succeeds } from './plan';
import { demand, Violation } from './shadow';
import type { World } from './world';

export interface Outcome {
  /** What Nx gets at the end of the command. */
  readonly statuses: Readonly<Record<string, string>>;
  readonly exitCode: 0 | 1;
  /** Why it stopped waiting for agents; null if the run was over. */
  readonly trouble: string | null;
}

/** Longest simulated effect. Not configurable: only the order of events depends on it. */
const MAX_EFFECT_MS = 300;
/** Simulated duration of a task on the main job. Not configurable: only the order of events depends on it. */
const RUN_HERE_MS = 100;
/** Delay before a run is submitted again. Not configurable: only the order of events depends on it. */
const SUBMIT_AGAIN_MS = 1_000;

type Graph = Parameters<typeof leftovers>[0];

/** A main job with one nx command: submits its run, follows it, and runs the remaining tasks itself. */
export class SimulatedMain {
  readonly connection: SimulatedConnection<CoordinatorToMain>;
  outcome: Outcome | null = null;
  isCancelled = false;
  isKilled = false;
  private readonly graph: Graph;
  private readonly state: FollowState;
  private following: FollowedRun | null = null;
  private info: SessionInfo | null = null;
  private open = 0;
  private whenIdle: () => void = () => undefined;
  private failedLate = false;

  constructor(
    private readonly world: World,
    readonly planned: PlannedRun,
  ) {
    this.graph = graphOf(planned.spec);
    const groups = new Set(planned.spec.tasks.filter(isNoop).map(({ id }) => id));
    this.state = newFollowState({ tasks: this.graph.tasks, groups, startMs: Date.now() });
    this.connection = world.connect({
      path: this.path,
      hello: exampleHello({
        sessionId: SESSION_ID,
        role: 'main',
        clientId: this.path,
        name: this.path,
        slots: null,
      }),
      incoming: coordinatorToMainSchema,
      losesSingly: false,
      whenAwake: (action) => {
        if (!this.isKilled) action();
      },
    });
    this.connection.onMessage((message) => {
      if (message.type === 'session.info') this.info = message;
    });
    this.run().catch((thrown: unknown) => this.world.fail(thrown as Error));
  }

  get path(): string {
    return `main ${this.planned.spec.runId}`;
  }

  get isOver(): boolean {
    return this.outcome !== null || this.isKilled;
  }

  /** SIGINT. */
  cancel(): void {
    if (this.isOver) return;
    this.isCancelled = true;
    this.following?.cancel();
  }

  /** SIGKILL: it sends nothing more. */
  kill(): void {
    if (this.isOver) return;
    this.isKilled = true;
    this.connection.vanish(false);
  }

  private async run(): Promise<void> {
    const { spec } = this.planned;
    const trouble = await this.distribute(spec);
    await this.idle();
    const isLost = trouble !== null && !['DTE_NO_AGENTS', 'DTE_SESSION_FINISHED'].includes(trouble.code);
    const ackSeq = this.following?.ackSeq ?? 0;
    this.connection.send({ type: 'main.sync', runId: spec.runId, ackSeq, want: isLost ? 'cancel' : 'close' });
    const ran = this.isCancelled ? {} : await this.runRest();
    const statuses = { ...this.state.statuses, ...ran };
    const isSuccess = spec.tasks.every(({ id }) => statuses[id] === 'success');
    this.outcome = { statuses, exitCode: isSuccess ? 0 : 1, trouble: trouble?.code ?? null };
    // Time for the last message to arrive.
    setTimeout(() => this.connection.close(), 10 * LIMITS.heartbeatMs.value);
  }

  private async distribute(spec: RunSpec): Promise<DteError | null> {
    try {
      await this.connected();
      await this.submit(spec);
    } catch (thrown) {
      return DteError.from(thrown);
    }
    const expected = spec.tasks.length;
    this.following = new FollowedRun({
      connection: this.connection,
      runId: spec.runId,
      info: this.info,
      expected,
      limits,
      stopsAtFailure: spec.nxBail,
      reports: () => Promise.resolve([]),
      onEntry: (entry) => this.dispatch({ type: 'entry', entry }),
      onOutput: () => undefined,
      onSession: () => undefined,
    });
    if (this.isCancelled) this.following.cancel();
    return this.following.over;
  }

  private connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const remove = this.connection.onState(({ name }) => {
        if (name !== 'open') return;
        remove();
        clearTimeout(patience);
        resolve();
      });
      const patience = setTimeout(() => {
        remove();
        reject(new DteError('DTE_NO_COORDINATOR', 'No connection.'));
      }, limits.connectTimeoutMs);
    });
  }

  /** Submits the same run again if there is no answer: the coordinator recognises its id. */
  private async submit(spec: RunSpec): Promise<void> {
    const { world } = this;
    const giveUpAtMs = Date.now() + limits.coordinatorGraceMs;
    const raw = Buffer.from(JSON.stringify(spec));
    const settings = {
      ...DEFAULT_SESSION_SETTINGS,
      stopAgentsAfter: [...spec.requestedTargets],
      releaseEarly: true,
    };
    const once = (): Promise<unknown> =>
      world.request(this.path, async (session) => {
        if (world.releasesEarly) await session.configure(settings);
        return session.submit(raw);
      });
    if (world.random.chance(world.fortune.submittedTwice)) once().catch(() => undefined);
    for (;;) {
      try {
        await once();
        return;
      } catch (thrown) {
        const error = DteError.from(thrown);
        if (error.severity === 'fatal' || Date.now() >= giveUpAtMs) throw error;
        await pause(SUBMIT_AGAIN_MS);
      }
    }
  }

  private dispatch(event: FollowEvent): void {
    for (const effect of follow(this.state, event, Date.now())) this.perform(effect);
  }

  /** A task must not count as done while its outputs are not available. */
  private demandStored(taskId: string, { artifact }: FinishedAttempt): void {
    const { runId } = this.planned.spec;
    const isStored = this.world.coordinator.artifacts.knows(keyOf(runId, taskId, artifact));
    if (!isStored) this.world.fail(new Violation(`${taskId} counts as done, and its artifact is not stored`));
  }

  /** Answers effects after some time, in any order. Some fail. */
  private perform(effect: FollowEffect): void {
    const { random, fortune } = this.world;
    const isBad = random.chance(fortune.untaken);
    const error = new DteError('DTE_ARTIFACT_MISSING', 'simulated');
    switch (effect.type) {
      case 'take': {
        const { taskId, source } = effect;
        if (source.kind === 'success' && source.finished !== null) this.demandStored(taskId, source.finished);
        const taken = { terminalOutput: '', from: null, code: 0, isLeft: false, note: '' };
        return this.answer(isBad ? { type: 'untaken', taskId, error } : { type: 'taken', taskId, taken });
      }
      case 'judge':
        return this.answer({ type: 'judged', taskId: effect.taskId, failed: false });
      case 'conclude': {
        const { taskId } = effect.conclusion;
        return this.answer(isBad ? { type: 'untold', taskId, error } : { type: 'told', taskId });
      }
      case 'fail-late':
        this.failedLate = true;
        if (this.planned.spec.nxBail) this.following?.cancel();
        return;
      default:
        return;
    }
  }

  private answer(event: FollowEvent): void {
    this.open += 1;
    setTimeout(
      () => {
        this.open -= 1;
        if (this.isKilled) return;
        this.dispatch(event);
        if (this.open === 0) this.whenIdle();
      },
      this.world.random.int(0, MAX_EFFECT_MS),
    );
  }

  private async idle(): Promise<void> {
    if (this.open > 0) await new Promise<void>((resolve) => (this.whenIdle = resolve));
  }

  /** What Nx's own runner does with the rest, in the order of the graph. */
  private async runRest(): Promise<Record<string, string>> {
    const { spec, tasks } = this.planned;
    demand(!this.failedLate, `${spec.runId} fails late though nothing was judged a failure`);
    const rest = leftovers(this.graph, this.state.endings, spec.nxBail);
    for (const taskId of rest.skipped) this.dispatch({ type: 'skip', taskId });
    const here = new Set(rest.run);
    const ran: Record<string, string> = {};
    for (const { id, dependencies } of spec.tasks) {
      if (!here.has(id)) continue;
      const isBlocked = dependencies.some(
        (edge) => ({ ...this.state.statuses, ...ran })[edge.id] !== 'success',
      );
      const isBailed = spec.nxBail && Object.values(ran).includes('failure');
      if (!isBlocked && !isBailed) await pause(RUN_HERE_MS);
      ran[id] = isBlocked || isBailed ? 'skipped' : succeeds(tasks.get(id)!) ? 'success' : 'failure';
    }
    return ran;
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const isNoop = ({ initial }: RunSpec['tasks'][number]): boolean => initial.state === 'noop';

function graphOf({ tasks }: RunSpec): Graph {
  const dependencies = Object.fromEntries(tasks.map((task) => [task.id, task.dependencies]));
  return {
    roots: [],
    tasks: Object.fromEntries(tasks.map((task) => [task.id, task.nxTask])),
    dependencies,
    continuousDependencies: Object.fromEntries(tasks.map((task) => [task.id, []])),
  };
}
