import {
  type AttemptResult,
  type LimitValues,
  type Reason,
  type ServerReport,
  DteError,
  LIMITS,
} from '@org/dte-protocol';
import {
  type AttemptRef,
  type NeedsServers,
  type ServerEdge,
  type ServerNeed,
  type Served,
} from '../executor/ipc';
import { reasonOf } from '../executor/reason';
import { type ExecutorProcessOptions } from './executor-process';
import { type RunInput } from './run-files';
import { type ServerFailure, ServerProcess, type Verdict } from './server-process';
import { ServerTurns } from './server-turns';
import { type TaskLog } from './task-log';

export interface ServersOptions extends Pick<ExecutorProcessOptions, 'path' | 'workspaceRoot' | 'env'> {
  readonly limits: Pick<LimitValues, 'executorFrozenMs' | 'executorStartMs' | 'killMs' | 'serverIdleMs'>;
  readonly log: TaskLog;
  /** See `ExecutorProcessOptions.graph`. */
  readonly graph: () => string | null;
}

/** One server, while it runs or a user of it has not reported yet. */
interface Server {
  readonly taskId: string;
  readonly key: string;
  readonly ref: AttemptRef;
  readonly users: Set<string>;
  /** Commands that have used it: the one that it was started for, and others that ran at the same time. */
  readonly runs: Set<string>;
  /** Its process, after all servers that it needs itself are up. */
  readonly process: Promise<ServerProcess | Exclude<Verdict, { kind: 'up' }>>;
  /** Output that was not reported yet; the end of it. */
  output: string;
  /** How it ended or why it will never be ready. */
  end: ServerFailure | null;
  idle: NodeJS.Timeout | null;
}

/**
 * The servers of one agent. Each is started for the first attempt that needs it, shared by all that need it at the same
 * time, and stopped some time after the last of them. One that ended is started again for the next attempt. Fixed ports
 * are usual, so there is never a second process of the same server, neither while the first is stopping nor for a
 * command that needs it with other variables or arguments: that command waits for its turn.
 */
export class Servers {
  private readonly running = new Map<string, Server>();
  private readonly endings = new Map<string, Promise<void>>();
  private readonly used = new Map<string, Set<Server>>();
  private readonly turns = new ServerTurns();
  private started = 0;
  private closed = false;

  constructor(private readonly options: ServersOptions) {}

  /**
   * Starts everything that an attempt needs, and resolves when it may start, or must not.
   * @param user key of the attempt; it holds the servers until `release`
   */
  async bring(user: string, { ref, servers, needs }: NeedsServers, run: RunInput): Promise<Served> {
    const claims = new Map(servers.map(({ taskId, identity }) => [taskId, identity]));
    if (!(await this.turns.take(user, claims)) || this.closed) return { kind: 'unable', reason: gone(ref) };
    const known = new Map<string, Server>();
    const hold = this.used.get(user) ?? new Set();
    this.used.set(user, hold);
    for (const need of servers) {
      const server = this.use(need, known, ref.runId, run);
      known.set(need.taskId, server);
      server.users.add(user);
      hold.add(server);
    }
    return until(known, needs);
  }

  /** The result of an attempt, with reports about its servers; `returned` if this agent has lost one of them. */
  complete(user: string, result: AttemptResult): AttemptResult {
    const lost = this.lostOf(user);
    // A task whose server this agent has lost did not fail by itself.
    if (lost !== null && result.kind === 'finished' && result.status === 'failure')
      return { kind: 'returned', reason: lost };
    const servers = this.report(user);
    return result.kind !== 'finished' || servers.length === 0 ? result : { ...result, servers };
  }

  /** Reports about an attempt's servers since the last call. */
  report(user: string): ServerReport[] {
    return Array.from(this.used.get(user) ?? [], (server) => {
      const { taskId, output, end } = server;
      server.output = '';
      return { taskId, failed: end?.failed ?? false, ended: end?.why ?? null, output };
    });
  }

  /** Why one of an attempt's servers was lost without ending by itself; null if there is none. */
  lostOf(user: string): Reason | null {
    for (const { end } of this.used.get(user) ?? []) if (end !== null && end.lost !== null) return end.lost;
    return null;
  }

  /** An attempt has ended, in any way. Idempotent. */
  release(user: string): void {
    const servers = this.used.get(user);
    this.used.delete(user);
    for (const server of servers ?? []) {
      server.users.delete(user);
      if (server.users.size > 0 || this.running.get(server.key) !== server) continue;
      server.idle ??= setTimeout(() => void this.stop(server), this.options.limits.serverIdleMs);
    }
    this.turns.leave(user);
  }

  /** Stops unused servers; resolves when they have exited. For a task that must run alone on the machine. */
  async stopIdle(): Promise<void> {
    for (const server of [...this.running.values()]) if (server.users.size === 0) void this.stop(server);
    await Promise.all(this.endings.values());
  }

  /** Stops all. Resolves when every process has exited. */
  async close(): Promise<void> {
    this.closed = true;
    this.turns.close();
    for (const server of [...this.running.values()]) void this.stop(server);
    await Promise.all(this.endings.values());
  }

  private use(need: ServerNeed, known: ReadonlyMap<string, Server>, runId: string, run: RunInput): Server {
    const key = `${need.taskId} ${need.identity}`;
    const gone = this.makeRoom(need.taskId, key, runId);
    const running = this.running.get(key);
    if (running?.end === null) {
      if (running.idle !== null) clearTimeout(running.idle);
      running.idle = null;
      running.runs.add(runId);
      return running;
    }
    const ref = { runId, taskId: need.taskId, attempt: ++this.started };
    const server: Server = {
      taskId: need.taskId,
      key,
      ref,
      users: new Set(),
      runs: new Set([runId]),
      output: '',
      end: null,
      idle: null,
      process: gone.then(() => this.start(server, need.needs, known, run)),
    };
    this.running.set(key, server);
    return server;
  }

  /**
   * A server that the last command has left running has that command's files and variables, and the port. As with Nx,
   * each command has its own servers, unless two run at the same time.
   */
  private async makeRoom(taskId: string, key: string, runId: string): Promise<void> {
    for (const server of [...this.running.values()]) {
      const isSame = server.key === key && server.runs.has(runId);
      if (server.taskId === taskId && server.users.size === 0 && !isSame) void this.stop(server);
    }
    const endings = [...this.endings].filter(([ended]) => ended.startsWith(`${taskId} `));
    await Promise.all(endings.map(([, ending]) => ending));
  }

  private async start(
    server: Server,
    needs: readonly ServerEdge[],
    known: ReadonlyMap<string, Server>,
    run: RunInput,
  ): Promise<ServerProcess | Exclude<Verdict, { kind: 'up' }>> {
    const verdict = await until(known, needs);
    if (verdict.kind !== 'up') {
      const why = `${server.taskId} was not started because a server that it needs failed.`;
      server.end = { why, failed: false, lost: null };
      void this.stop(server);
      return verdict;
    }
    // Its last user may have left while it waited.
    if (this.closed || this.running.get(server.key) !== server)
      return { kind: 'unable', reason: stopped(server) };
    const { path, workspaceRoot, env, graph, limits, log } = this.options;
    log.serving(server.ref);
    return new ServerProcess({
      path,
      workspaceRoot,
      env,
      graph: graph(),
      limits,
      ref: server.ref,
      run,
      onOutput: (offset, data) => {
        log.output(server.ref, offset, data);
        server.output = (server.output + data).slice(-LIMITS.serverOutputChars.value);
      },
      onFailed: (end) => {
        server.end = end;
        log.served(server.ref, end.why);
        void this.stop(server);
      },
    });
  }

  private stop(server: Server): Promise<void> {
    const { key, idle } = server;
    if (idle !== null) clearTimeout(idle);
    if (this.running.get(key) !== server) return Promise.resolve();
    this.running.delete(key);
    const end = async (): Promise<void> => {
      const process = await server.process;
      if (!(process instanceof ServerProcess)) return;
      await process.end(server.end === null ? this.options.limits.killMs : 0);
      if (server.end === null) this.options.log.served(server.ref, null);
    };
    const before = this.endings.get(key) ?? Promise.resolve();
    const ending = Promise.all([before, end()]).then(() => {
      if (this.endings.get(key) === ending) this.endings.delete(key);
    });
    this.endings.set(key, ending);
    return ending;
  }
}

const gone = ({ taskId }: AttemptRef) =>
  reasonOf(new DteError('DTE_CANCELLED', `${taskId} was stopped before its servers were ready.`));

const stopped = ({ taskId }: Server) =>
  reasonOf(new DteError('DTE_CANCELLED', `The server ${taskId} was stopped.`));

/** The first negative result, or success. */
async function until(servers: ReadonlyMap<string, Server>, edges: readonly ServerEdge[]): Promise<Verdict> {
  const verdicts = edges.map(async ({ taskId, untilReady }): Promise<Verdict> => {
    const process = await servers.get(taskId)?.process;
    if (process === undefined) return { kind: 'up' };
    if (!(process instanceof ServerProcess)) return process;
    return untilReady ? process.ready : process.started;
  });
  for (const verdict of await Promise.all(verdicts)) if (verdict.kind !== 'up') return verdict;
  return { kind: 'up' };
}
