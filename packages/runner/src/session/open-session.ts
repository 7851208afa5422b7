import { connect, httpClient, waitOpen, type Connection, type HttpClient } from '@org/dte-client';
import {
  addressOf,
  coordinatorToMainSchema,
  type CoordinatorToMain,
  type LimitValues,
  type Rendezvous,
  type RendezvousReport,
  type Role,
  type SessionInfo,
  type WorkspaceIdentity,
  duration,
} from '@org/dte-protocol';
import { randomUUID } from 'node:crypto';
import type { Resolved } from '@org/dte-config';
import { clientCredentials } from './credentials';
import type { Surroundings } from './surroundings';
import { introduce, jobUrl, neighbourUrl, readIdentity } from './identity';

/** A connection to a session's coordinator, with its WebSocket and HTTP. */
export interface Session {
  readonly id: string;
  /** The commit that was checked out when it was opened; null if that is not known. */
  readonly commit: string | null;
  readonly connection: Connection<CoordinatorToMain>;
  readonly http: HttpClient;
  /** The latest members of the session; null before the first message. */
  readonly info: () => SessionInfo | null;
  /**
   * Resolves when a message shows that the session is open, after `connectTimeoutMs` in any case. Messages from before
   * this job reopened a finished session may arrive after the answer to that request.
   */
  whenOpen(): Promise<void>;
  /** Reports of agents that cannot connect to the coordinator; addresses of logs are only those of jobs in this project. */
  reports(): Promise<readonly RendezvousReport[]>;
  /** Closes both; idempotent. */
  close(): void;
}

export interface OpenSessionOptions {
  readonly resolved: Resolved;
  readonly surroundings: Surroundings;
  readonly sessionId: string;
  readonly role: Exclude<Role, 'agent'>;
  readonly rendezvous: Rendezvous;
  readonly workspaceRoot: string;
  /** What `readIdentity` says, if it was asked before; default: it is asked now. */
  readonly identity?: Promise<WorkspaceIdentity>;
  /** Called when the coordinator has not answered yet. */
  readonly note?: (line: string) => void;
}

/**
 * Timeout for the first answer. The coordinator of a job has just answered another request, and a busy machine is slow; it is
 * unknown whether a coordinator uses an address that the user configured.
 */
const patienceWith = (rendezvous: Rendezvous, limits: LimitValues): number =>
  rendezvous.isAddressGiven
    ? limits.connectTimeoutMs
    : Math.max(limits.connectTimeoutMs, limits.coordinatorGraceMs);

/** The latest information about a session. */
interface SessionNews {
  info: SessionInfo | null;
}

class OpenSession implements Session {
  readonly id: string;
  readonly connection: Connection<CoordinatorToMain>;
  readonly http: HttpClient;
  readonly commit: string | null;

  constructor(
    private readonly options: OpenSessionOptions,
    { connection, http, commit }: Pick<Session, 'connection' | 'http' | 'commit'>,
    private readonly news: Readonly<SessionNews>,
  ) {
    this.id = options.sessionId;
    this.connection = connection;
    this.http = http;
    this.commit = commit;
  }

  readonly info = (): SessionInfo | null => this.news.info;

  whenOpen(): Promise<void> {
    return new Promise((resolve) => {
      if (this.news.info?.state === 'open') {
        resolve();
        return;
      }
      const done = (): void => {
        clearTimeout(timer);
        stopListening();
        resolve();
      };
      const timer = setTimeout(done, this.options.resolved.limits.connectTimeoutMs);
      const stopListening = this.connection.onMessage((message) => {
        if (message.type === 'session.info' && message.state === 'open') done();
      });
    });
  }

  async reports(): Promise<readonly RendezvousReport[]> {
    const { rendezvous, surroundings } = this.options;
    const record = await rendezvous.find(this.id);
    if (record === null) return [];
    const own = jobUrl(surroundings.job);
    const reports = await rendezvous.reports(this.id, record.generation);
    return reports.map((report) => ({ ...report, jobUrl: neighbourUrl(report.jobUrl, own) }));
  }

  close(): void {
    this.connection.close();
    this.http.close();
  }
}

/**
 * Connects, and reconnects after network failures and restarts of the coordinator (its address is looked up before each
 * try).
 * @throws DteError the rejection, or DTE_NO_COORDINATOR if nothing answers in time
 */
export async function openSession(options: OpenSessionOptions): Promise<Session> {
  const { resolved, surroundings, sessionId, role, rendezvous, workspaceRoot } = options;
  const { limits } = resolved;
  const { job } = surroundings;
  const identity = await (options.identity ?? readIdentity(workspaceRoot, resolved.config.samePlatform));
  const connection = connect({
    address: async () => addressOf(await rendezvous.find(sessionId)),
    hello: {
      role,
      sessionId,
      clientId: `${role}-${randomUUID()}`,
      ...introduce(job),
      identity,
      slots: null,
      labels: [],
    },
    credentials: clientCredentials(resolved, surroundings, role, rendezvous),
    limits,
    incoming: coordinatorToMainSchema,
  });
  const news: SessionNews = { info: null };
  connection.onMessage((message) => {
    if (message.type === 'session.info') news.info = message;
  });
  const patienceMs = patienceWith(rendezvous, limits);
  const beginMs = Date.now();
  const notes = setInterval(() => {
    const forHow = `${duration(Date.now() - beginMs)}; at most ${duration(patienceMs)}`;
    options.note?.(`dte: waiting for the coordinator of session ${sessionId} to answer (${forHow})`);
  }, limits.progressMs);
  try {
    await waitOpen(connection, patienceMs);
  } catch (thrown) {
    connection.close();
    throw thrown;
  } finally {
    clearInterval(notes);
  }
  const http = httpClient({
    url: () => connection.httpUrl(),
    token: () => connection.token(),
    limits,
    retryForMs: limits.coordinatorGraceMs,
    note: options.note,
  });
  return new OpenSession(options, { connection, http, commit: identity.commit }, news);
}
