import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type CoordinatorToAgent,
  type Introduction,
  type LimitValues,
  type Rendezvous,
  type WorkspaceIdentity,
  addressOf,
  coordinatorToAgentSchema,
  explain,
  introductionOf,
} from '@org/dte-protocol';
import {
  type Connection,
  type ConnectionState,
  type Credentials,
  type HelloClaims,
  type HttpClient,
  connect,
  httpClient,
} from '@org/dte-client';
import { ExecutorPool } from './executor-pool';
import { HiddenValues } from './hidden-values';
import { machineCapacity } from './machine-capacity';
import { Leaving } from './leaving';
import { type DiskKeeper, type Environment, type LogStream, type SignalSource } from './ports';
import { RunFiles } from './run-files';
import { Servers } from './servers';
import { Supervisor } from './supervisor';
import { TaskLog } from './task-log';
import { UnreachableWatch } from './unreachable';
import { WaitingNotes } from './waiting';

/** With its introduction; the default name is host and process id. */
export interface AgentOptions extends Partial<Introduction> {
  /** Absolute folder with nx.json. */
  readonly workspaceRoot: string;
  readonly sessionId: string;
  readonly rendezvous: Pick<Rendezvous, 'isAddressGiven' | 'find' | 'report'>;
  readonly identity: WorkspaceIdentity;
  readonly labels?: readonly string[] | undefined;
  /** --slots; null or omitted: the run's --parallel. */
  readonly slots?: number | null | undefined;
  /** --slots=auto: only as many tasks at a time as this machine has cores and memory for. */
  readonly isPacked?: boolean | undefined;
  readonly credentials?: Credentials | undefined;
  readonly limits: LimitValues;
  /** Folder for run specs; `<data dir>`, removed at the end, except for the files of others. */
  readonly dataDir: string;
  /** Passed to executors, without DTE_SECRET and DTE_ID_TOKEN. */
  readonly env: Environment;
  readonly stdout: LogStream;
  /** `process`. */
  readonly signals: SignalSource;
  /** Accept tasks of this run only. */
  readonly onlyRun?: string | undefined;
  /** Omitted: no other process writes to the workspace. */
  readonly disk?: DiskKeeper | undefined;
  /** Script of the executor; for tests. */
  readonly executorPath?: string | undefined;
}

/**
 * Serves a session until it is over, no work is found for `agentIdleMs`, or a signal stops it. Writes only to `stdout`,
 * never ends the process, and leaves no process, timer or listener behind.
 * @returns the exit code: 0, or 1 if the coordinator rejected this agent or cannot be reached, or no executor could be
 * started
 */
export async function runAgent(options: AgentOptions): Promise<number> {
  return new Agent(options).run();
}

/** The parts of an agent, and how they inform each other. */
class Agent {
  /** Whoever shares the disk prepares nothing: it would have to know what is replaced there meanwhile. */
  private readonly spare: number;
  private readonly agentId = `agent-${randomUUID()}`;
  private readonly name: string;
  private readonly hidden = new HiddenValues();
  private readonly log: TaskLog;
  private readonly connection: Connection<CoordinatorToAgent>;
  private readonly http: HttpClient;
  private readonly runFiles: RunFiles;
  private readonly pool: ExecutorPool;
  private readonly servers: Servers;
  private readonly supervisor: Supervisor;
  private readonly leaving: Leaving;
  private readonly unreachable: UnreachableWatch;
  private readonly waiting: WaitingNotes;
  private heartbeat: NodeJS.Timeout | null = null;
  private isLossSaid = true;

  constructor(private readonly options: AgentOptions) {
    const { limits, env, workspaceRoot, rendezvous, sessionId } = options;
    // Whether a task fits on an agent that packs is only known when others have ended.
    const mayPrepare = options.disk === undefined && options.isPacked !== true;
    this.spare = mayPrepare ? Math.min(1, limits.prefetchedTasks) : 0;
    this.name = options.name ?? `${hostname()}-${process.pid}`;
    this.log = new TaskLog({
      stream: options.stdout,
      env,
      slots: () => this.pool.slots,
      hide: (text) => this.hidden.in(text),
    });
    const note = (line: string): void => this.log.note(line);
    this.connection = this.openConnection();
    this.http = httpClient({
      url: () => this.connection.httpUrl(),
      token: () => this.connection.token(),
      limits,
      retryForMs: limits.coordinatorGraceMs,
    });
    this.runFiles = this.openRunFiles();
    const path = options.executorPath ?? join(__dirname, '../executor/main.js');
    this.pool = this.openPool(path);
    this.servers = new Servers({
      path,
      workspaceRoot,
      env,
      limits,
      log: this.log,
      graph: () => this.pool.sharedGraph,
    });
    this.supervisor = this.openSupervisor();
    this.leaving = new Leaving({ limits, supervisor: this.supervisor, signals: options.signals, note });
    this.unreachable = new UnreachableWatch({
      limits,
      name: this.name,
      rendezvous,
      sessionId,
      jobUrl: options.jobUrl ?? null,
      onUnreachable: (error) => this.leaving.unreachable(error),
    });
    this.waiting = new WaitingNotes({
      limits,
      sessionId,
      isAddressGiven: rendezvous.isAddressGiven,
      isWorking: () => this.supervisor.active > 0,
      note,
    });
    this.follow();
  }

  async run(): Promise<number> {
    const outcome = await this.leaving.decided;
    this.stopHeartbeat();
    this.unreachable.close();
    this.waiting.close();
    this.leaving.close();
    this.supervisor.close();
    this.connection.close();
    this.http.close();
    await Promise.all([this.pool.close(), this.servers.close()]);
    await this.runFiles.close();
    if (outcome.line !== '') this.log.note(outcome.line);
    return outcome.exitCode;
  }

  private openConnection(): Connection<CoordinatorToAgent> {
    const { rendezvous, sessionId, credentials, limits } = this.options;
    return connect({
      address: async () => addressOf(await rendezvous.find(sessionId)),
      hello: this.claims(),
      credentials,
      limits,
      incoming: coordinatorToAgentSchema,
    });
  }

  private claims(): HelloClaims {
    const { sessionId, jobUrl = null, identity, slots = null, labels = [], onlyRun } = this.options;
    const { isPacked = false } = this.options;
    const claims: HelloClaims = {
      role: 'agent',
      sessionId,
      clientId: this.agentId,
      ...introductionOf({ ...this.options, name: this.name, jobUrl }),
      identity,
      slots,
      labels: [...labels],
      spare: this.spare,
      ...(isPacked ? { capacity: machineCapacity() } : {}),
    };
    return onlyRun === undefined ? claims : { ...claims, onlyRun };
  }

  private openRunFiles(): RunFiles {
    return new RunFiles(join(this.options.dataDir, this.agentId), {
      spec: (runId) => this.http.getRunStream(runId, { withoutHashes: true }),
      forwarded: async (runId) => {
        const { values } = await this.http.getRunEnv(runId);
        this.hidden.add(Object.values(values));
        return values;
      },
    });
  }

  private openPool(path: string): ExecutorPool {
    const { workspaceRoot, env, limits, slots = null } = this.options;
    return new ExecutorPool({
      path,
      workspaceRoot,
      env,
      limits,
      slots,
      spare: this.spare,
      onMessage: (id, message) => this.supervisor.onExecutorMessage(id, message),
      onIdle: () => this.supervisor.onIdle(),
      onGone: (id, death) => this.supervisor.onExecutorGone(id, death),
      onUseless: (reason) => {
        this.supervisor.giveUp(reason);
        this.leaving.useless(reason);
      },
      onNote: (line) => this.log.note(line),
    });
  }

  private openSupervisor(): Supervisor {
    const { limits, slots = null, disk } = this.options;
    return new Supervisor({
      name: this.name,
      slots,
      limits,
      pool: this.pool,
      runFiles: this.runFiles,
      servers: this.servers,
      log: this.log,
      hidden: this.hidden,
      disk,
      send: (message) => this.connection.send(message),
      onChange: () => {
        this.leaving.onChange();
        this.waiting.onChange();
      },
    });
  }

  /** Connects the connection's events to the rest. */
  private follow(): void {
    const { connection } = this;
    connection.onState((state) => this.unreachable.onConnection(state));
    connection.onState((state) => this.onConnection(state));
    connection.onState((state) => this.waiting.onConnection(state));
    connection.onMessage((message) => {
      if (message.type === 'error') {
        this.log.note(explain(message.reason.code, message.reason.message));
        return;
      }
      this.supervisor.onWanted(message);
      this.leaving.onStop(message.stop);
    });
  }

  private onConnection(state: ConnectionState): void {
    this.stopHeartbeat();
    if (state.name === 'open') {
      this.log.note(`dte: ${this.name} is connected to ${state.url}`);
      this.isLossSaid = false;
      this.pool.announce(state.httpUrl, state.token);
      this.supervisor.onConnected();
      this.heartbeat = setInterval(() => this.supervisor.sync(), state.heartbeatMs);
    } else if (state.name === 'connecting' && !this.isLossSaid) {
      this.isLossSaid = true;
      this.log.note(`dte: connection lost, reconnecting: ${state.lastError?.message ?? 'closed'}`);
    }
    this.leaving.onConnection(state);
  }

  private stopHeartbeat(): void {
    if (this.heartbeat !== null) clearInterval(this.heartbeat);
    this.heartbeat = null;
  }
}
