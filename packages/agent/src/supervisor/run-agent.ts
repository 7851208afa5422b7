import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import {
  type CoordinatorToAgent,
  type Identity,
  type LimitValues,
  type Rendezvous,
  addressOf,
  coordinatorToAgentSchema,
  explain,
} from '@org/dte-protocol';
import {
  type Connection,
  type ConnectionState,
  type Credentials,
  connect,
  httpClient,
} from '@org/dte-client';
import { ExecutorPool } from './executor-pool';
import { HiddenValues } from './hidden-values';
import { Leaving } from './leaving';
import { type DiskKeeper, type Environment, type LogStream, type SignalSource } from './ports';
import { RunFiles } from './run-files';
import { Servers } from './servers';
import { Supervisor } from './supervisor';
import { type TaskLog, createTaskLog } from './task-log';
import { UnreachableWatch } from './unreachable';
import { WaitingNotes } from './waiting';

export interface AgentOptions {
  /** Absolute folder with nx.json. */
  readonly workspaceRoot: string;
  readonly sessionId: string;
  readonly rendezvous: Pick<Rendezvous, 'isAddressGiven' | 'find' | 'report'>;
  readonly identity: Identity;
  /** For people: CI_JOB_NAME; default: host and process id. */
  readonly name?: string | undefined;
  readonly jobUrl?: string | null | undefined;
  readonly labels?: readonly string[] | undefined;
  /** --slots; null or left out: the run's --parallel. */
  readonly slots?: number | null | undefined;
  readonly credentials?: Credentials | undefined;
  readonly limits: LimitValues;
  /** Folder for run specs; `<data dir>`, removed again at the end as far as it is ours. */
  readonly dataDir: string;
  /** Handed to executors, without DTE_SECRET and DTE_ID_TOKEN. */
  readonly env: Environment;
  readonly stdout: LogStream;
  /** `process`. */
  readonly signals: SignalSource;
  /** Take tasks of this run and of no other. */
  readonly onlyRun?: string | undefined;
  /** Left out: nobody else writes into the workspace. */
  readonly disk?: DiskKeeper | undefined;
  /** Script of the executor; for tests. */
  readonly executorPath?: string | undefined;
}

/**
 * Serves a session until it is over, nothing is found to do for `agentIdleMs`, or a signal tells it to stop.
 * Writes to `stdout` alone, never ends the process, leaves no process, timer or listener behind.
 * @returns the exit code: 0, or 1 when the coordinator refused this agent or cannot be reached, or no executor could be started
 */
export async function runAgent(options: AgentOptions): Promise<number> {
  const { limits, env, stdout, workspaceRoot } = options;
  const agentId = `agent-${randomUUID()}`;
  const name = options.name ?? `${hostname()}-${process.pid}`;
  let slots = (): number => 1;
  const hidden = new HiddenValues();
  const log = createTaskLog({ stream: stdout, env, slots: () => slots(), hide: (text) => hidden.in(text) });

  const connection = connect({
    address: async () => addressOf(await options.rendezvous.find(options.sessionId)),
    hello: {
      ...{
        role: 'agent',
        sessionId: options.sessionId,
        clientId: agentId,
        name,
        jobUrl: options.jobUrl ?? null,
      },
      ...{ identity: options.identity, slots: options.slots ?? null, labels: [...(options.labels ?? [])] },
      ...(options.onlyRun === undefined ? {} : { onlyRun: options.onlyRun }),
    },
    ...{ credentials: options.credentials, limits, incoming: coordinatorToAgentSchema },
  });
  const http = httpClient({
    url: () => connection.httpUrl(),
    token: () => connection.token(),
    limits,
    retryForMs: limits.coordinatorGraceMs,
  });
  const runFiles = new RunFiles(join(options.dataDir, agentId), {
    spec: (runId) => http.getRunStream(runId),
    forwarded: async (runId) => {
      const { values } = await http.getRunEnv(runId);
      hidden.add(Object.values(values));
      return values;
    },
  });
  const executorPath = options.executorPath ?? join(__dirname, '../executor/main.js');
  const pool = new ExecutorPool({
    path: executorPath,
    ...{ workspaceRoot, env, limits, slots: options.slots ?? null },
    onMessage: (id, message) => supervisor.onExecutorMessage(id, message),
    onIdle: () => supervisor.onIdle(),
    onGone: (id, death) => supervisor.onExecutorGone(id, death),
    onUseless: (reason) => {
      supervisor.giveUp(reason);
      leaving.useless(reason);
    },
    onNote: (line) => log.note(line),
  });
  slots = () => pool.slots;
  const servers = new Servers({ path: executorPath, workspaceRoot, env, limits, log });
  const supervisor: Supervisor = new Supervisor({
    ...{ name, slots: options.slots ?? null },
    ...{ limits, pool, runFiles, servers, log, hidden, disk: options.disk },
    send: (message) => connection.send(message),
    onChange: () => {
      leaving.onChange();
      waiting.onChange();
    },
  });
  const leaving: Leaving = new Leaving({
    limits,
    supervisor,
    signals: options.signals,
    note: (line) => log.note(line),
  });
  const unreachable = new UnreachableWatch({
    ...{ limits, name, rendezvous: options.rendezvous, sessionId: options.sessionId },
    jobUrl: options.jobUrl ?? null,
    onUnreachable: (error) => leaving.unreachable(error),
  });
  connection.onState((state) => unreachable.onConnection(state));
  const waiting: WaitingNotes = new WaitingNotes({
    ...{ limits, sessionId: options.sessionId, isAddressGiven: options.rendezvous.isAddressGiven },
    isWorking: () => supervisor.active > 0,
    note: (line) => log.note(line),
  });
  const heart = follow(connection, supervisor, pool, leaving, { name, agentId, log });
  connection.onState((state) => waiting.onConnection(state));

  const outcome = await leaving.decided;
  heart.stop();
  unreachable.close();
  waiting.close();
  leaving.close();
  supervisor.close();
  connection.close();
  http.close();
  await Promise.all([pool.close(), servers.close()]);
  await runFiles.close();
  if (outcome.line !== '') log.note(outcome.line);
  return outcome.exitCode;
}

/** Wires the connection to the rest. Returns what stops the heartbeat. */
function follow(
  connection: Connection<CoordinatorToAgent>,
  supervisor: Supervisor,
  pool: ExecutorPool,
  leaving: Leaving,
  who: { name: string; agentId: string; log: TaskLog },
): { stop(): void } {
  let heartbeat: NodeJS.Timeout | null = null;
  let lostSaid = true;
  const stop = (): void => {
    if (heartbeat !== null) clearInterval(heartbeat);
    heartbeat = null;
  };
  connection.onState((state: ConnectionState) => {
    stop();
    if (state.name === 'open') {
      who.log.note(`dte: ${who.name} is connected to ${state.url}`);
      lostSaid = false;
      pool.announce(state.httpUrl, state.token);
      supervisor.onConnected();
      heartbeat = setInterval(() => supervisor.sync(), state.heartbeatMs);
    } else if (state.name === 'connecting' && !lostSaid) {
      lostSaid = true;
      who.log.note(`dte: connection lost, reconnecting: ${state.lastError?.message ?? 'closed'}`);
    }
    leaving.onConnection(state);
  });
  connection.onMessage((message) => {
    if (message.type === 'error') {
      who.log.note(explain(message.reason.code, message.reason.message));
      return;
    }
    supervisor.onWanted(message);
    leaving.onStop(message.stop);
  });
  return { stop };
}
