import { mkdir } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { sessionIdOf } from '@org/dte-identity';
import { DteError, type LimitValues, readLimits } from '@org/dte-protocol';
import { type Logger, pino } from 'pino';
import { FileArtifactStore } from './artifacts/file-artifact-store';
import { isLoopbackHost } from './auth/loopback';
import { type IdTokenOptions, PipelineDoor } from './auth/pipeline-door';
import { boundKey, loadTokenKey, TokenIssuer } from './auth/token';
import { TrustDomain } from './auth/trust-domain';
import { evictionLog } from './door/eviction-log';
import { Strangers } from './door/strangers';
import { diskError, type FileSystem, nodeFileSystem } from './files/file-system';
import { FileTaskHistory } from './history/file-history';
import { roomForConnections } from './http/descriptors';
import { createServer } from './http/server';
import type { TlsKey } from './http/transport';
import { FileJournalStore } from './journal/file-journal';
import { FolderLock } from './lock/folder-lock';
import { changedLimits } from './log/shown';
import { SessionRegistry } from './session/registry';
import { RefusedStrangers } from './session/refused-strangers';
import { Gatekeeper } from './ws/gatekeeper';
import { Gateway } from './ws/gateway';

export interface CoordinatorOptions {
  /** Address to listen on; default `127.0.0.1`. Anything else than loopback wants id tokens or a secret. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Holds the sessions and the key of the tokens. One coordinator at a time: a second one is refused. */
  readonly dataDir: string;
  /**
   * Holds what is remembered of tasks beyond sessions: which are flaky. Several coordinators may share it. Default: the
   * folder `history` of `dataDir`.
   */
  readonly historyDir?: string;
  /** DTE_SECRET: every client has to prove that it knows it. */
  readonly secret?: string;
  /** Every client has to show an id token of a job of its session's pipeline. With neither, this machine is served only. */
  readonly idTokens?: IdTokenOptions;
  /** The one session that it serves: that of the job which it is a part of. Default: any. */
  readonly session?: string;
  /**
   * True: whoever has the secret may enter any session. Default false: where other machines reach it, and there are no id
   * tokens, it serves one project and no pipelines of GitLab; see `TrustDomain`.
   */
  readonly sharedTrust?: boolean;
  /** Listens with TLS, with this key. */
  readonly tls?: TlsKey;
  /** Default: the protocol's defaults, without looking at the environment. */
  readonly limits?: LimitValues;
  /** Default: silent. */
  readonly logger?: Logger;
  /** How long finished sessions stay on disk, ms; default the limit `retainFinishedMs`. */
  readonly retainFinishedMs?: number;
  /**
   * True: every input is on the platter before it has an effect, so that sessions survive a crash of the machine;
   * costs a disk flush per group of inputs. Default false: sessions survive a crash of the process.
   */
  readonly fsync?: boolean;
  /**
   * A session is finished and its last connection is gone, so nothing is being fetched any more. Called again when
   * the session was begun anew meanwhile and is finished again.
   */
  readonly onSessionFinished?: (sessionId: string) => void;
  /**
   * Another process has taken the data folder over, because this one was frozen for long: end the process, which must
   * not write any more. Default: nothing but a line in the log.
   */
  readonly onFolderLost?: (error: DteError) => void;
  /** For specs: the disk. */
  readonly fs?: FileSystem;
  /** For specs: milliseconds since the epoch. */
  readonly now?: () => number;
}

export interface SessionSummary {
  readonly sessionId: string;
  readonly finished: boolean;
  readonly agents: number;
  readonly mains: number;
}

export interface Coordinator {
  /** `http://host:port`, or `https`; a host of `0.0.0.0` or `::` is for you to replace by an address that others can reach. */
  readonly url: string;
  readonly port: number;
  /** Sessions that are in memory: all that are not finished, and finished ones that somebody is still in. */
  sessions(): SessionSummary[];
  /** Says goodbye to everybody and ends within the limit `closeMs`. Sessions stay on disk. May be called again. */
  close(): Promise<void>;
}

/** At most so often; a sweep reads one small file per finished session. */
const SWEEP_MS = 60_000;

/**
 * Starts a coordinator; it serves when the promise resolves, and has restored the sessions of its folder before.
 * @throws DteError DTE_DATA_FOLDER_IN_USE, DTE_DISK_FULL, DTE_BAD_CONFIG (address, folder or issuers cannot be used)
 */
export async function createCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { dataDir } = options;
  await prepareFolder(`${dataDir}/sessions`);
  const lock = await lockFolder(options);
  try {
    return await serve(options, lock);
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

async function serve(options: CoordinatorOptions, lock: FolderLock): Promise<Coordinator> {
  const { host = '127.0.0.1', port = 0, dataDir, fs = nodeFileSystem, now = Date.now } = options;
  const logger = options.logger ?? pino({ enabled: false });
  const limits = limitsOf(options);
  const { tls = null } = options;
  const root = `${dataDir}/sessions`;
  const startedMs = performance.now();
  logger.info({ dataDir, limits: changedLimits(limits) }, 'coordinator starting');
  const artifacts = new FileArtifactStore(root, fs);
  const journals = new FileJournalStore(root, { fs, fsync: options.fsync ?? false });
  const history = new FileTaskHistory(options.historyDir ?? `${dataDir}/history`, {
    ...{ limits, fs },
    onDamage: (message) => logger.warn(message),
  });
  const known = [options.secret ?? null, options.idTokens?.own ?? null];
  const tokens = new TokenIssuer(boundKey(await loadTokenKey(fs, dataDir), known), now);
  const onSessionFinished = options.onSessionFinished ?? (() => undefined);
  const registry = new SessionRegistry({
    root,
    fs,
    journals,
    artifacts,
    history,
    limits,
    now,
    logger,
    onSessionFinished: (sessionKey) => onSessionFinished(sessionIdOf(sessionKey)),
  });
  const door =
    options.idTokens === undefined ? null : new PipelineDoor(options.idTokens, limits, tokens, now);
  // One of a job serves that job's session alone; whether a secret is enough for that was asked before it was started.
  const isOneDomain = options.sharedTrust === true || options.session !== undefined;
  const gatekeeper: Gatekeeper = new Gatekeeper({
    secret: options.secret ?? null,
    door,
    trust: isOneDomain ? null : await TrustDomain.open(fs, dataDir),
    session: options.session ?? null,
    reachable: !isLoopbackHost(host),
    limits,
    tokens,
    registry,
    now,
    connections: () => gateway.members,
  });
  const refused = new RefusedStrangers();
  const gateway: Gateway = new Gateway({
    gatekeeper,
    limits,
    logger,
    onStranger: (sessionKey, code, address) => {
      const news = refused.add(code, address, now());
      if (news !== null) logger.warn({ code }, news);
      if (sessionKey !== null) registry.refuseStranger(sessionKey, code, address);
    },
    onRefused: (sessionKey, name, error) => registry.refuse(sessionKey, name, error),
    onProven: (socket) => strangers.proven(socket),
  });
  const room = roomForConnections();
  const strangers = new Strangers({ limits, room, onEvicted: evictionLog(logger) });
  const onProven = (socket: Socket): void => strangers.proven(socket);
  const server = createServer({ tokens, registry, logger, artifacts, limits, tls, room, onProven });
  server.server.on('connection', (socket: Socket) => strangers.enter(socket));
  gateway.attach(server.server);
  await registry.restore();
  await listen(server.listen({ host, port }), host, port, () => registry.close());
  const sweeper = setInterval(
    () =>
      void registry
        .sweep()
        .catch((thrown: unknown) => logger.warn({ err: thrown }, 'old sessions could not be removed')),
    Math.min(SWEEP_MS, limits.retainFinishedMs),
  );
  const { port: boundPort } = server.server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    clearInterval(sweeper);
    await gateway.close(limits.closeMs / 4);
    await server.close();
    await registry.close();
    await history.close();
    await lock.release();
    logger.info('coordinator closed');
  };
  let closing: Promise<void> | null = null;
  const url = `${tls === null ? 'http' : 'https'}://${isIPv6(host) ? `[${host}]` : host}:${boundPort}`;
  logger.info({ url, ms: Math.round(performance.now() - startedMs) }, 'coordinator ready');
  return {
    url,
    port: boundPort,
    sessions: () =>
      registry.current().map(({ name, isFinished, members }) => ({
        sessionId: name,
        finished: isFinished,
        agents: members.agents.size,
        mains: members.mains.size,
      })),
    close: () => (closing ??= within(close(), limits.closeMs)),
  };
}

function limitsOf({ limits, retainFinishedMs }: CoordinatorOptions): LimitValues {
  const base = limits ?? readLimits({}).limits;
  return retainFinishedMs === undefined ? base : { ...base, retainFinishedMs };
}

async function lockFolder(options: CoordinatorOptions): Promise<FolderLock> {
  const { dataDir: folder, logger } = options;
  const onLost = (error: DteError): void => {
    logger?.error({ err: error }, 'the data folder was taken over');
    options.onFolderLost?.(error);
  };
  try {
    return await FolderLock.take({ folder, limits: limitsOf(options), onLost });
  } catch (thrown) {
    throw diskError(thrown, 'the lock of the data folder', folder);
  }
}

async function prepareFolder(root: string): Promise<void> {
  try {
    await mkdir(root, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const error = diskError(thrown, 'the coordinator', root);
    if (error instanceof DteError && error.code === 'DTE_DISK_FULL') throw error;
    throw new DteError('DTE_BAD_CONFIG', `The data folder ${root} cannot be created: ${error.message}.`, {
      cause: thrown,
    });
  }
}

async function listen(
  listening: Promise<string>,
  host: string,
  port: number,
  undo: () => Promise<void>,
): Promise<void> {
  try {
    await listening;
  } catch (thrown) {
    await undo();
    const { message } = DteError.from(thrown);
    throw new DteError('DTE_BAD_CONFIG', `The coordinator cannot listen on ${host}:${port}: ${message}.`, {
      cause: thrown,
    });
  }
}

/** Waits no longer than the limit: a disk that hangs must not keep a job alive. */
async function within(work: Promise<void>, limitMs: number): Promise<void> {
  const timer = new AbortController();
  const late = delay(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  timer.abort();
}
