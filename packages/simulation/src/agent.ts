import { Leaving, Supervisor } from '@org/dte-agent/core';
import type { ConnectionState } from '@org/dte-client';
import {
  type AgentSync,
  type Artifact,
  type Assignment,
  type AttemptResult,
  coordinatorToAgentSchema,
  type CoordinatorToAgent,
  encode,
} from '@org/dte-protocol';
import { deedKey, exampleHello } from '@org/dte-testing';
import { keyOf, SESSION_ID } from './artifacts';
import { type SimulatedConnection } from './connection';
import { limits } from './coordinator';
import { SimulatedExecutors } from './executors';
import type { World } from './world';

export interface AgentOptions {
  readonly agentId: string;
  /** Its path in the network: two processes with the same agent id have two paths. */
  readonly path: string;
  readonly slots: number | null;
  /** Attempts that it prepares beyond its slots. */
  readonly spare: number;
}

/** An agent's process: the real supervisor, over simulated executors and a simulated connection. */
export class SimulatedAgent {
  readonly connection: SimulatedConnection<CoordinatorToAgent>;
  private readonly executors: SimulatedExecutors;
  private readonly supervisor: Supervisor;
  private readonly leaving: Leaving;
  private heartbeat: NodeJS.Timeout | null = null;
  private alive = true;
  private draining = false;
  private frozenUntilMs = 0;
  private onSigterm: () => void = () => undefined;
  private lastSync: AgentSync | null = null;
  /** All assignments that it has received. */
  private readonly known = new Map<string, Assignment>();

  constructor(
    private readonly world: World,
    readonly options: AgentOptions,
  ) {
    this.executors = this.openExecutors();
    this.connection = this.openConnection();
    this.supervisor = this.openSupervisor();
    this.leaving = new Leaving({
      limits,
      supervisor: this.supervisor,
      signals: {
        on: (signal, listener) => {
          if (signal === 'SIGTERM') this.onSigterm = listener;
        },
        off: () => undefined,
      },
      note: () => undefined,
    });
    void this.leaving.decided.then(() => this.leave());
    this.follow();
  }

  get path(): string {
    return this.options.path;
  }

  get isAlive(): boolean {
    return this.alive;
  }

  /** Takes work, now or when it is connected again. */
  get isServing(): boolean {
    return this.alive && !this.draining;
  }

  freeze(forMs: number): void {
    this.frozenUntilMs = Math.max(this.frozenUntilMs, Date.now() + forMs);
  }

  /** Its process is killed. @param silently its machine has crashed, so no connection is closed */
  crash(silently: boolean): void {
    if (!this.alive) return;
    this.close();
    this.connection.vanish(silently);
  }

  /** SIGTERM, as when its job is cancelled. */
  drain(): void {
    this.draining = true;
    this.onSigterm();
  }

  crashExecutor(): void {
    this.executors.crashOne();
  }

  /** Reports a false result, of an attempt that it does not hold. */
  lie(others: readonly SimulatedAgent[]): void {
    const { random } = this.world;
    const all = others.flatMap((agent) =>
      [...agent.known.values()].map((assignment) => ({ agent, assignment })),
    );
    const last = this.lastSync;
    if (last === null || all.length === 0) return;
    const { agent, assignment } = random.pick(all);
    const isForeign = agent.options.agentId !== this.options.agentId && random.chance(0.5);
    const attempt = isForeign ? assignment.attempt : assignment.attempt + random.pick([1, 2]) * 50;
    const told = this.world.outcomes.resultOf(assignment);
    const result: AttemptResult =
      told.kind === 'finished'
        ? { ...told, status: told.status === 'success' ? 'failure' : 'success', artifact: { kind: 'none' } }
        : told;
    const { runId, taskId } = assignment;
    const work = { runId, taskId, attempt, phase: { name: 'completed', result } } as const;
    this.connection.sendRaw(encode({ ...last, work: [...last.work, work] }));
  }

  private openExecutors(): SimulatedExecutors {
    const { outcomes, random } = this.world;
    return new SimulatedExecutors({
      random,
      slots: this.options.slots,
      spare: this.options.spare,
      durationMs: (assignment) => outcomes.durationMs(assignment),
      finish: (assignment) => this.finish(assignment),
      whenAwake: (action) => this.whenAwake(action),
      onMessage: (id, message) => this.supervisor.onExecutorMessage(id, message),
      onIdle: () => this.supervisor.onIdle(),
      onGone: (id, death) => this.supervisor.onExecutorGone(id, death),
    });
  }

  private openConnection(): SimulatedConnection<CoordinatorToAgent> {
    const { agentId, path, slots, spare } = this.options;
    return this.world.connect({
      path,
      hello: exampleHello({ sessionId: SESSION_ID, clientId: agentId, name: agentId, slots, spare }),
      incoming: coordinatorToAgentSchema,
      losesSingly: true,
      whenAwake: (action) => this.whenAwake(action),
    });
  }

  private openSupervisor(): Supervisor {
    return new Supervisor({
      name: this.options.agentId,
      slots: this.options.slots,
      limits,
      pool: this.executors.pool,
      runFiles: { get: () => Promise.resolve({ specFile: '', forwarded: {} }) },
      servers: {
        bring: () => Promise.resolve({ kind: 'up' }),
        complete: (_key, result) => result,
        release: () => undefined,
        stopIdle: () => Promise.resolve(),
      },
      log: {
        started: () => undefined,
        output: () => undefined,
        ended: () => undefined,
        stopped: () => undefined,
      },
      hidden: { inResult: (result) => result },
      send: (message) => {
        if (message.type === 'agent.sync') this.lastSync = message;
        return this.connection.send(message);
      },
      onChange: () => this.leaving.onChange(),
    });
  }

  /** As in `run-agent.ts`. */
  private follow(): void {
    const { connection } = this;
    connection.onState((state) => this.onConnection(state));
    connection.onMessage((message) => {
      if (message.type === 'error') return;
      for (const assignment of message.assignments)
        this.known.set(`${assignment.runId} ${assignment.taskId}`, assignment);
      this.supervisor.onWanted(message);
      this.leaving.onStop(message.stop);
    });
  }

  private onConnection(state: ConnectionState): void {
    if (this.heartbeat !== null) clearInterval(this.heartbeat);
    this.heartbeat = null;
    if (state.name === 'open') {
      this.supervisor.onConnected();
      this.heartbeat = setInterval(() => this.whenAwake(() => this.supervisor.sync()), state.heartbeatMs);
    }
    this.leaving.onConnection(state);
  }

  private finish(assignment: Assignment): AttemptResult {
    const { random, fortune, outcomes, deeds, coordinator } = this.world;
    const { runId, taskId, attempt } = assignment;
    if (random.chance(fortune.returned))
      return { kind: 'returned', reason: { code: 'DTE_EXECUTOR_CRASHED', message: 'simulated' } };
    const key = deedKey(runId, taskId, attempt, this.options.agentId);
    // Artifacts are immutable: if two processes run the same attempt, the first result is kept.
    const result = deeds.results.get(key) ?? outcomes.resultOf(assignment);
    deeds.results.set(key, result);
    if (!random.chance(fortune.unstored))
      for (const [id, artifact] of artifactsOf(taskId, result))
        coordinator.artifacts.add(keyOf(runId, id, artifact));
    return result;
  }

  private leave(): void {
    if (!this.alive) return;
    this.close();
    this.connection.close();
  }

  private close(): void {
    this.alive = false;
    if (this.heartbeat !== null) clearInterval(this.heartbeat);
    this.leaving.close();
    this.supervisor.close();
    this.executors.close();
  }

  /** When a frozen process continues, it does everything that has become due. */
  private whenAwake(action: () => void): void {
    const waitMs = this.frozenUntilMs - Date.now();
    if (waitMs > 0) setTimeout(() => this.whenAwake(action), waitMs);
    else if (this.alive) action();
  }
}

function artifactsOf(taskId: string, result: AttemptResult): [string, Artifact][] {
  if (result.kind === 'returned') return [];
  const made = result.kind === 'batch' ? result.members : [{ taskId, result }];
  return made.flatMap((each): [string, Artifact][] =>
    each.result === null ? [] : [[each.taskId, each.result.artifact]],
  );
}
