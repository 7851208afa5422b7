import type { Coordinator, CoordinatorOptions } from '@org/dte-coordinator';
import { createCoordinatorCertificate, type CoordinatorCertificate } from '@org/dte-identity';
import { DteError, type LimitValues, type Rendezvous, type RendezvousRecord } from '@org/dte-protocol';
import { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import {
  dataDirOf,
  type FailedMessage,
  historyDirOf,
  isLoopback,
  jobMarkOf,
  listenHost,
  makeDataFolder,
  publishedAddresses,
  type ReadyMessage,
  SESSION_FOLDER,
} from '@org/dte-runner';
import { embeddedLimits, watchJob } from '@org/dte-gitlab';
import type { GitlabSurroundings } from '../edge/surroundings';
import { cliContext, say, warn, type CliContext, type Flags } from './context';
import { acceptedIssuers, checkPipeline, checkReach, trustNotes } from './coordinator-trust';
import { ownVersion } from './own-version';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte coordinator --issuers https://gitlab.example.com --host 0.0.0.0 --port 7337 --data-dir /var/lib/dte
  $ DTE_SECRET=... dte coordinator --host 0.0.0.0      # without GitLab
  $ dte coordinator --port 0                 # to try it on this machine`;

/** The default of the option `port` for a standalone coordinator. */
const DEFAULT_PORT = 7337;
/** File descriptor. */
const STDOUT = 1;

/** Resolves with the first signal that asks this process to end. */
const whenAskedToEnd = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

/** What is decided before anything listens. */
interface Service {
  readonly context: CliContext;
  readonly embedded: boolean;
  readonly host: string;
  /** Of the id tokens that are accepted. */
  readonly issuers: readonly string[];
  readonly certificate: CoordinatorCertificate | null;
}

/** @throws DteError as `checkReach` and `checkPipeline` */
function decide(context: CliContext, embedded: boolean): Service {
  const { config } = context.resolved;
  const { job } = context.surroundings;
  const host = listenHost(config, embedded, context.rendezvous);
  const issuers = acceptedIssuers(config, job, embedded);
  checkReach(config, { host, embedded, issuers });
  if (embedded) checkPipeline(config, { host, issuers, job });
  trustNotes(config, host, issuers).forEach(warn);
  // A service has a certificate of its own in front of it; what a main job starts has nothing but its key.
  const certificate = embedded && !isLoopback(host) ? createCoordinatorCertificate() : null;
  return { context, embedded, host, issuers, certificate };
}

/** The log of a coordinator: that of an embedded one is `coordinator.log`, open for reading too; that of a service is kept by who started it. */
async function openLog({ context: { resolved }, embedded }: Service): Promise<CoordinatorOptions['logger']> {
  const { boundedFile, createLog } = await import('@org/dte-coordinator');
  // Whoever read it has gone; the coordinator is not to go as well.
  process.stderr.on('error', () => undefined);
  const toStderr = (line: string): void => void process.stderr.write(line);
  const write = embedded ? boundedFile(STDOUT, resolved.limits.coordinatorLogBytes) : toStderr;
  const logger = createLog(resolved.config.logLevel, write);
  logger.info({ version: ownVersion(), node: process.version, embedded }, 'dte coordinator');
  return logger;
}

async function start(service: Service, onSessionFinished: (id: string) => void): Promise<Coordinator> {
  const { context, embedded, host, issuers, certificate } = service;
  const { resolved, workspaceRoot, surroundings } = context;
  const { secret, idToken, audience } = resolved.config;
  const { job, authorities } = surroundings;
  // A service is nobody's job, whatever is in its environment.
  const own = embedded && idToken !== undefined ? { own: idToken } : {};
  // Only this command needs the server: the others start in half the time without it.
  const { createCoordinator } = await import('@org/dte-coordinator');
  const historyDir = historyDirOf(resolved, workspaceRoot);
  hideFromNx(historyDir);
  return createCoordinator({
    logger: await openLog(service),
    host,
    port: resolved.config.port ?? (embedded ? 0 : DEFAULT_PORT),
    dataDir: dataDirOf(resolved, workspaceRoot),
    historyDir,
    ...(secret === undefined ? {} : { secret }),
    ...(embedded ? { session: context.sessionId } : {}),
    sharedTrust: resolved.config.sharedTrust,
    ...(certificate === null ? {} : { tls: certificate }),
    ...(issuers.length === 0 ? {} : { idTokens: { issuers, audience, authorities, ...own } }),
    limits: embedded ? embeddedLimits(resolved.limits, job) : resolved.limits,
    onSessionFinished,
    onFolderLost: leaveAtOnce,
  });
}

/** Says where it is. */
function announce({ context, host, issuers, certificate }: Service, coordinator: Coordinator) {
  const { advertisedUrl } = context.resolved.config;
  const { port } = coordinator;
  const addresses = publishedAddresses({ advertisedUrl, host, port, secure: certificate !== null });
  const published = addresses.url === coordinator.url ? '' : ` · published as ${addresses.url}`;
  const accepted = issuers.length === 0 ? '' : ` · jobs of ${issuers.join(', ')}`;
  say(`dte: coordinator on ${coordinator.url} · process ${process.pid}${published}${accepted}`);
  return addresses;
}

/** Makes the coordinator of a job known to other jobs, and to the process that has started it. */
async function publish(
  { context, certificate }: Service,
  rendezvous: Rendezvous,
  place: Pick<RendezvousRecord, 'url' | 'alternatives' | 'generation'>,
): Promise<void> {
  const { resolved, workspaceRoot, sessionId, surroundings } = context;
  const { limits } = resolved;
  await rendezvous.publish({
    version: 1,
    sessionId,
    ...place,
    expiresAtMs: Date.now() + limits.rendezvousMs,
    ...(certificate === null ? {} : { pin: certificate.pin }),
    ...jobMarkOf(surroundings.job),
  });
  const ready: ReadyMessage = { type: 'dte-ready', url: place.url };
  process.send?.(ready);
  // Nobody waits for it. At the end there may be no time: a container goes with its main job.
  void rendezvous.tidy();
  const { removeUnusedFolders } = await import('@org/dte-coordinator');
  const parent = dirname(dataDirOf(resolved, workspaceRoot));
  const unusedMs = limits.retainFinishedMs;
  void removeUnusedFolders({ parent, prefix: SESSION_FOLDER, unusedMs }).catch(sayToLog);
}

async function coordinate(flags: Flags & { embedded?: boolean }): Promise<void> {
  const { embedded = false, ...options } = flags;
  const context = cliContext(options);
  const { sessionId, surroundings } = context;
  const { limits } = context.resolved;
  const service = decide(context, embedded);
  const onSessionFinished = (id: string): void => {
    if (embedded && id === sessionId) ending.arm();
  };
  const coordinator = await start(service, onSessionFinished);
  const ending = lingering(limits.embeddedLingerMs, coordinator);
  // Whoever reads the line may ask at once.
  const asked = whenAskedToEnd();
  const addresses = announce(service, coordinator);
  const generation = randomUUID();
  const rendezvous = embedded ? context.rendezvous : null;
  if (rendezvous !== null) await publish(service, rendezvous, { ...addresses, generation });
  let jobOver = false;
  const whenJobOver = embedded ? [jobEnd(surroundings, limits).then(() => (jobOver = true))] : [];
  await Promise.race([asked, ending.over, ...whenJobOver]);
  // Of a job that is over nothing more comes, whatever it has left undone.
  const finished = ending.isFinished() || jobOver;
  if (rendezvous !== null && !finished) await rendezvous.withdraw(sessionId, generation).catch(sayToLog);
  await coordinator.close();
  // Who finds this may start another coordinator at once, on the same folder and the same port.
  if (rendezvous !== null && finished)
    await rendezvous.finish(sessionId, generation, Date.now() + limits.finishedRecordMs).catch(sayToLog);
}

/** Another coordinator has the folder: what an orderly end would write now would spoil its journal. */
function leaveAtOnce(error: DteError): void {
  warn(error.explain());
  process.exit(1);
}

/** Restored from a cache it would be an input of a project at the root. Without the folder nothing is remembered, no more. */
function hideFromNx(historyDir: string): void {
  try {
    makeDataFolder(historyDir);
  } catch (thrown) {
    sayToLog(thrown);
  }
}

/** The end of the process waits for nobody to read this: it is the log of a process in the background. */
const sayToLog = (thrown: unknown): void => warn(DteError.from(thrown).message);

/** Resolves when the job of this process has ended; the watch over it ends with the process. */
const jobEnd = ({ job, authorities }: GitlabSurroundings, limits: LimitValues): Promise<void> =>
  new Promise((resolve) => {
    watchJob({
      job,
      authorities,
      limits,
      onEnded: () => {
        say('dte: the job of this coordinator has ended');
        resolve();
      },
    });
  });

/**
 * A coordinator stays for a while after its session is finished, so that agents that come late hear that it is over
 * instead of waiting for an address.
 */
function lingering(
  ms: number,
  coordinator: Coordinator,
): { arm(): void; over: Promise<void>; isFinished(): boolean } {
  let armed = false;
  let timer: NodeJS.Timeout | undefined;
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (end = resolve));
  // In memory are sessions that go on or have members; a finished one that everybody has left was announced before.
  const isFinished = (): boolean => {
    const sessions = coordinator.sessions();
    return sessions.every(({ finished }) => finished) && (armed || sessions.length > 0);
  };
  const look = (): void => {
    const inUse = coordinator.sessions().some(({ agents, mains }) => agents + mains > 0);
    // Begun again: it will be sent again when that is over.
    if (isFinished() && !inUse) end();
  };
  return {
    over,
    isFinished,
    arm: () => {
      armed = true;
      clearTimeout(timer);
      // The server keeps the process alive, and nothing shall once that is closed.
      timer = setTimeout(look, ms).unref();
    },
  };
}

export function coordinatorCommand(): Command {
  const command = new Command('coordinator')
    .description(
      'run a coordinator: a long-running service for many pipelines, or (--embedded) for one main job',
    )
    .option(
      '--embedded',
      'serve one session, publish the address through the rendezvous, and exit with the session',
    )
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags & { embedded?: boolean }) => {
      try {
        await coordinate(flags);
      } catch (thrown) {
        // Whoever started it cannot see its output, and what is to be done depends on the code.
        const { code, message } = DteError.from(thrown);
        const failed: FailedMessage = { type: 'dte-failed', code, message };
        process.send?.(failed);
        throw thrown;
      }
    });
  return addFlags(command, [
    'host',
    'port',
    'dataDir',
    'historyDir',
    'advertisedUrl',
    'issuers',
    'audience',
    'sharedTrust',
    'session',
    'rendezvousDir',
    'logLevel',
  ]);
}
