import { mkdir } from 'node:fs/promises';
import type { Server as TlsServer } from 'node:tls';
import { type AddressInfo, isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { DteError, LIMITS } from '@org/dte-protocol';
import { type Entrance, openEntrance, openStores, type Stores } from './assembly';
import { diskError } from './files/file-system';
import { Readiness } from './http/readiness';
import { FolderLock } from './lock/folder-lock';
import { changedLimits } from './log/shown';
import { MetricsServer } from './metrics/metrics-server';
import { type CoordinatorOptions, resolveOptions, type ResolvedOptions, sessionsFolder } from './options';

export interface SessionSummary {
  readonly sessionId: string;
  readonly finished: boolean;
  readonly agents: number;
  readonly mains: number;
}

export interface Coordinator {
  /** `http://host:port`, or `https`. If the host is `0.0.0.0` or `::`, replace it by an address that others can reach. */
  readonly url: string;
  readonly port: number;
  /** Where the metrics are; null if they are not served. */
  readonly metricsUrl: string | null;
  /** Sessions in memory: all that are not finished, and finished ones that still have members. */
  sessions(): SessionSummary[];
  /**
   * Begins no new session, says that it is not ready, and lets the others go on until none has members or
   * `coordinatorDrainMs` have passed; `signal`: no longer. Then close it.
   */
  drain(signal: AbortSignal): Promise<void>;
  /**
   * Disconnects everybody and ends within the limit `closeMs`, and `cacheFlushMs` if results are still to be stored in a shared
   * cache. Sessions stay on disk. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Starts a coordinator. When the promise resolves, the sessions of its folder are restored and it serves.
 * @throws DteError DTE_DATA_FOLDER_IN_USE, DTE_DISK_FULL, DTE_BAD_CONFIG (unusable address, folder or issuers)
 */
export async function createCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const resolved = resolveOptions(options);
  await prepareFolder(sessionsFolder(options));
  const { fs, dataDir: folder, limits, now } = resolved;
  const readiness = new Readiness({ fs, folder, limits, now });
  const lock = await lockFolder(resolved, readiness);
  try {
    return await serve(resolved, readiness, lock);
  } catch (thrown) {
    await lock.release();
    throw thrown;
  }
}

async function serve(options: ResolvedOptions, readiness: Readiness, lock: FolderLock): Promise<Coordinator> {
  const { dataDir, limits, logger } = options;
  const startedMs = performance.now();
  logger.info({ dataDir, limits: changedLimits(limits) }, 'coordinator starting');
  const stores = openStores(options);
  stores.shared?.prepare();
  readiness.end('the sessions of the data folder are being restored');
  const entrance = await openEntrance(options, stores, readiness);
  const metrics =
    options.metrics === undefined || stores.metrics === null
      ? null
      : await MetricsServer.listen(stores.metrics, options.metrics);
  const undo = async (): Promise<void> => {
    await metrics?.close();
    await stores.shared?.close();
    await stores.registry.close();
  };
  await listen(entrance, options, undo);
  // Clients of before connect meanwhile: each joins its session as soon as that is restored, and needs no further try.
  try {
    await stores.registry.restore();
  } catch (thrown) {
    await entrance.gateway.close(0);
    await entrance.httpServer.close();
    await undo();
    throw thrown;
  }
  readiness.begin();
  const coordinator = new ServingCoordinator(options, stores, { ...entrance, metrics, readiness }, lock);
  logger.info({ url: coordinator.url, ms: Math.round(performance.now() - startedMs) }, 'coordinator ready');
  return coordinator;
}

/** How often a draining coordinator looks whether it is still used. No limit: how long it waits is `coordinatorDrainMs`. */
const DRAIN_POLL_MS = 100;

/** Owns everything that was opened for it, from listening to `close`. */
class ServingCoordinator implements Coordinator {
  readonly url: string;
  readonly port: number;
  readonly metricsUrl: string | null;
  private readonly sweeper: NodeJS.Timeout;
  private closing: Promise<void> | null = null;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly stores: Stores,
    private readonly entrance: Entrance & {
      readonly metrics: MetricsServer | null;
      readonly readiness: Readiness;
    },
    private readonly lock: FolderLock,
  ) {
    const { host, tls, tlsFiles, limits } = options;
    this.port = (entrance.httpServer.server.address() as AddressInfo).port;
    this.url = `${(tls ?? tlsFiles) === undefined ? 'http' : 'https'}://${isIPv6(host) ? `[${host}]` : host}:${this.port}`;
    this.metricsUrl = entrance.metrics?.url ?? null;
    entrance.tlsFiles?.watch(entrance.httpServer.server as unknown as TlsServer);
    this.sweeper = setInterval(
      () => void this.sweep(),
      Math.min(LIMITS.sweepMs.value, limits.retainFinishedMs),
    );
  }

  sessions(): SessionSummary[] {
    return this.stores.registry.current().map(({ name, isFinished, members }) => ({
      sessionId: name,
      finished: isFinished,
      agents: members.agents.size,
      mains: members.mains.size,
    }));
  }

  async drain(signal: AbortSignal): Promise<void> {
    const { readiness } = this.entrance;
    readiness.end('the coordinator is shutting down');
    this.stores.registry.drain();
    const untilMs = performance.now() + this.options.limits.coordinatorDrainMs;
    const isBusy = (): boolean =>
      this.sessions().some(({ finished, agents, mains }) => !finished && agents + mains > 0);
    while (isBusy() && !signal.aborted && performance.now() < untilMs)
      await delay(DRAIN_POLL_MS, undefined, { signal }).catch(() => undefined);
  }

  close(): Promise<void> {
    const { closeMs } = this.options.limits;
    const ms = this.stores.shared === null ? closeMs : closeMs + this.flushMs;
    return (this.closing ??= within(this.end(), ms));
  }

  /**
   * What a job leaves unstored is lost when it ends. A standalone coordinator has no jobs any more when it flushes, and they wait for its
   * successor, which waits for the folder: longer than `coordinatorGraceMs`, and they finish alone.
   */
  private get flushMs(): number {
    const { session, limits } = this.options;
    const { cacheFlushMs, coordinatorDrainMs } = limits;
    return session === undefined ? Math.min(cacheFlushMs, coordinatorDrainMs) : cacheFlushMs;
  }

  private async sweep(): Promise<void> {
    try {
      await this.stores.registry.sweep();
    } catch (thrown) {
      this.options.logger.warn({ err: thrown }, 'old sessions could not be removed');
    }
  }

  private async end(): Promise<void> {
    const { limits, logger } = this.options;
    const { history, durations, registry, notes, shared } = this.stores;
    clearInterval(this.sweeper);
    this.entrance.readiness.end('the coordinator is shutting down');
    this.entrance.tlsFiles?.close();
    await this.entrance.gateway.close(limits.closeMs / 4);
    await this.entrance.httpServer.close();
    await this.entrance.metrics?.close();
    await registry.close();
    // What the sessions have accepted last; it is read from their folders.
    await shared?.flush(this.flushMs);
    await shared?.close();
    await history.close();
    await durations.close();
    await this.lock.release();
    // Last: GitLab may take as long as it wants, and nobody else may wait for it.
    await notes?.close();
    logger.info('coordinator closed');
  }
}

async function lockFolder(options: ResolvedOptions, readiness: Readiness): Promise<FolderLock> {
  const { dataDir: folder, limits, logger } = options;
  const onLost = (error: DteError): void => {
    readiness.end('another coordinator has the data folder');
    logger.error({ err: error }, 'the data folder was taken over');
    options.onFolderLost?.(error);
  };
  try {
    return await FolderLock.take({ folder, limits, onLost });
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

/**
 * Connections that the kernel keeps until the event loop takes them, one in each of its turns. Node's 511 are too few for a thousand agents that
 * come at the same time: the others would try again after 1, 3 and 7 s. Not configurable: Linux has its own limit, 4,096 if not set otherwise.
 */
const BACKLOG = 4_096;

async function listen(
  { httpServer }: Entrance,
  { host, port }: ResolvedOptions,
  undo: () => Promise<void>,
): Promise<void> {
  try {
    await httpServer.listen({ host, port, backlog: BACKLOG });
  } catch (thrown) {
    await undo();
    const { message } = DteError.from(thrown);
    throw new DteError('DTE_BAD_CONFIG', `The coordinator cannot listen on ${host}:${port}: ${message}.`, {
      cause: thrown,
    });
  }
}

/** Waits no longer than the limit: a disk that hangs must not keep a job running. */
async function within(work: Promise<void>, limitMs: number): Promise<void> {
  const timer = new AbortController();
  const late = delay(limitMs, undefined, { signal: timer.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  timer.abort();
}
