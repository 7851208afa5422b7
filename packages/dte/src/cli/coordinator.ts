import type { Coordinator, CoordinatorOptions } from '@org/dte-coordinator';
import { createCoordinatorCertificate, type CoordinatorCertificate } from '@org/dte-identity';
import { DteError, type LimitValues, type Rendezvous, type RendezvousRecord } from '@org/dte-protocol';
import { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import {
  acceptedIssuers,
  checkPipeline,
  checkReach,
  dataDirOf,
  type FailedMessage,
  historyDirOf,
  isLoopback,
  jobMarkOf,
  lingering,
  listenHost,
  makeDataFolder,
  publishedAddresses,
  type ReadyMessage,
  SESSION_FOLDER,
  tlsFilesOf,
  trustNotes,
} from '@org/dte-runner';
import { embeddedLimits, watchJob } from '@org/dte-gitlab';
import type { GitlabSurroundings } from '../edge/surroundings';
import { cliContext, say, warn, type CliContext, type Flags } from './context';
import { seedDurations } from './known-durations';
import { drained, whenAskedToEnd } from './ending';
import { noteWriterOf } from './note-writer';
import { ownVersion } from './own-version';
import { addFlags } from './option-flags';
import { loadOwnLater } from './own-modules';
import { secretIn } from './secret-file';
import { openSharedCache } from './shared-cache';

const EXAMPLES = `
Examples:
  $ dte coordinator --issuers https://gitlab.example.com --host 0.0.0.0 --port 7337 --data-dir /var/lib/dte
  $ DTE_SECRET=... dte coordinator --host 0.0.0.0      # without GitLab
  $ dte coordinator --port 0                 # to try it on this machine`;

/** The default of the option `port` for a standalone coordinator. */
const DEFAULT_PORT = 7337;
/** File descriptor. */
const STDOUT = 1;

/** What is decided before the process listens. */
interface Service {
  readonly context: CliContext;
  readonly embedded: boolean;
  readonly host: string;
  /** Issuers of the id tokens that are accepted. */
  readonly issuers: readonly string[];
  readonly certificate: CoordinatorCertificate | null;
  /** Of an authority, for a service. */
  readonly tlsFiles: NonNullable<CoordinatorOptions['tlsFiles']> | null;
}

/** @throws DteError like `checkReach` and `checkPipeline` */
function decide(context: CliContext, embedded: boolean): Service {
  const { config } = context.resolved;
  const { job } = context.surroundings;
  const host = listenHost(config, embedded, context.rendezvous);
  const issuers = acceptedIssuers(config, job, embedded);
  checkReach(config, { host, embedded, issuers });
  if (embedded) checkPipeline(config, { host, issuers, job });
  trustNotes(config, host, issuers).forEach(warn);
  // A service has a certificate of an authority, or a proxy with one; a coordinator that a main job starts has only its key.
  const certificate = embedded && !isLoopback(host) ? createCoordinatorCertificate() : null;
  return { context, embedded, host, issuers, certificate, tlsFiles: embedded ? null : tlsFilesOf(config) };
}

/** The log: `coordinator.log` for an embedded coordinator, also open for reading; a service logs to standard error. */
async function openLog({ context: { resolved }, embedded }: Service): Promise<CoordinatorOptions['logger']> {
  const { boundedFile, createLog } = await import('@org/dte-coordinator');
  // Its reader has exited; the coordinator must not crash because of that.
  process.stderr.on('error', () => undefined);
  const toStderr = (line: string): void => void process.stderr.write(line);
  const write = embedded ? boundedFile(STDOUT, resolved.limits.coordinatorLogBytes) : toStderr;
  const logger = createLog(resolved.config.logLevel, write);
  logger.info({ version: ownVersion(), node: process.version, embedded }, 'dte coordinator');
  return logger;
}

/** What a service offers to people: their address of it, whether they can sign in, and notes. */
function peopleOf({
  context,
  issuers,
}: Service): Pick<CoordinatorOptions, 'publicUrl' | 'signIn' | 'noteWriter'> {
  const { advertisedUrl, oidcClientId: clientId, oidcClientSecretFile } = context.resolved.config;
  const [issuer = ''] = issuers;
  const publicUrl = advertisedUrl === undefined ? {} : { publicUrl: advertisedUrl };
  const noteWriter = noteWriterOf(context, issuer);
  const offered = { ...publicUrl, ...(noteWriter === null ? {} : { noteWriter }) };
  if (clientId === undefined) return offered;
  const { authorities } = context.surroundings;
  const where = 'option oidcClientSecretFile, DTE_OIDC_CLIENT_SECRET_FILE';
  if (oidcClientSecretFile === undefined)
    throw new DteError('DTE_BAD_CONFIG', `oidcClientId needs a secret (${where}).`);
  const clientSecret = secretIn(oidcClientSecretFile, where);
  return { ...offered, signIn: { issuer, clientId, clientSecret, authorities } };
}

async function start(service: Service, onSessionFinished: (id: string) => void): Promise<Coordinator> {
  const { context, embedded, host, issuers, certificate, tlsFiles } = service;
  const { resolved, workspaceRoot, surroundings } = context;
  const { secret, idToken, audience, metricsPort, metricsHost, cacheReadTokenFile } = resolved.config;
  const { job, authorities } = surroundings;
  // A service is not part of a job, whatever its environment contains.
  const own = embedded && idToken !== undefined ? { own: idToken } : {};
  // Only this command needs the server: without it, the others start in half the time.
  const { createCoordinator } = await import('@org/dte-coordinator');
  const historyDir = historyDirOf(resolved, workspaceRoot);
  hideFromNx(historyDir);
  const sharedCache = await openSharedCache(context, { embedded, issuers });
  return createCoordinator({
    logger: await openLog(service),
    host,
    port: resolved.config.port ?? (embedded ? 0 : DEFAULT_PORT),
    dataDir: dataDirOf(resolved, workspaceRoot),
    historyDir,
    ...(secret === undefined ? {} : { secret }),
    ...(embedded ? { session: context.sessionId } : {}),
    sharedTrust: resolved.config.sharedTrust,
    ...(embedded ? {} : peopleOf(service)),
    ...(sharedCache === null ? {} : { sharedCache }),
    ...(embedded || cacheReadTokenFile === undefined ? {} : { cacheReadTokenFile }),
    // Those of a job would end with it, and several jobs may share a machine.
    ...(embedded || metricsPort === undefined ? {} : { metrics: { host: metricsHost, port: metricsPort } }),
    ...(certificate === null ? {} : { tls: certificate }),
    ...(tlsFiles === null ? {} : { tlsFiles }),
    ...(issuers.length === 0 ? {} : { idTokens: { issuers, audience, authorities, ...own } }),
    limits: embedded ? embeddedLimits(resolved.limits, job) : resolved.limits,
    onSessionFinished,
    onFolderLost: leaveAtOnce,
  });
}

/** Prints its address. */
function announce(service: Service, coordinator: Coordinator) {
  const { context, host, issuers, certificate, tlsFiles } = service;
  const { advertisedUrl } = context.resolved.config;
  const { port } = coordinator;
  const addresses = publishedAddresses({
    advertisedUrl,
    host,
    port,
    secure: (certificate ?? tlsFiles) !== null,
  });
  const published = addresses.url === coordinator.url ? '' : ` · published as ${addresses.url}`;
  const accepted = issuers.length === 0 ? '' : ` · jobs of ${issuers.join(', ')}`;
  say(`dte: coordinator on ${coordinator.url} · process ${process.pid}${published}${accepted}`);
  if (coordinator.metricsUrl !== null) say(`dte: metrics on ${coordinator.metricsUrl}`);
  return addresses;
}

/** Publishes the coordinator of a job to other jobs, and reports it to the parent process. */
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
  // Nobody waits for this. There may be no time at the end: a container ends with its main job.
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
  // A reader of the line may connect immediately.
  const asked = whenAskedToEnd();
  const addresses = announce(service, coordinator);
  const generation = randomUUID();
  const rendezvous = embedded ? context.rendezvous : null;
  if (rendezvous !== null) await publish(service, rendezvous, { ...addresses, generation });
  if (embedded) void seedDurations(context);
  let jobOver = false;
  const whenJobOver = embedded ? [jobEnd(surroundings, limits).then(() => (jobOver = true))] : [];
  await Promise.race([asked, ending.over, ...whenJobOver]);
  // A job that has ended submits nothing more, whatever it has left unfinished.
  const finished = ending.isFinished() || jobOver;
  if (rendezvous !== null && !finished) await rendezvous.withdraw(sessionId, generation).catch(sayToLog);
  if (!embedded) await drained(coordinator, limits);
  await coordinator.close();
  // Whoever finds this may immediately start another coordinator on the same folder and port.
  if (rendezvous !== null && finished)
    await rendezvous.finish(sessionId, generation, Date.now() + limits.finishedRecordMs).catch(sayToLog);
}

/** Another coordinator has the folder: an orderly end would write to it and corrupt its journal. */
function leaveAtOnce(error: DteError): void {
  warn(error.explain());
  process.exit(1);
}

/** Restored from a cache, it would be an input of a project at the root. Without the folder, only the history is lost. */
function hideFromNx(historyDir: string): void {
  try {
    makeDataFolder(historyDir);
  } catch (thrown) {
    sayToLog(thrown);
  }
}

/** Prints to the log of a background process: the end of the process must not wait for a reader. */
const sayToLog = (thrown: unknown): void => warn(DteError.from(thrown).message);

/** Resolves when the job of this process has ended; the watch ends with the process. */
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
    .action(async (flags: Flags & { embedded?: boolean }, self: Command) => {
      loadOwnLater(self);
      try {
        await coordinate(flags);
      } catch (thrown) {
        // The parent process cannot see its output, and what to do depends on the code.
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
    'metricsPort',
    'metricsHost',
    'tlsCert',
    'tlsKey',
    'advertisedUrl',
    'issuers',
    'audience',
    'sharedTrust',
    'oidcClientId',
    'oidcClientSecretFile',
    'noteTokenFile',
    'cache',
    'cacheReadTokenFile',
    's3Bucket',
    's3Prefix',
    's3Region',
    's3Endpoint',
    's3ForcePathStyle',
    's3DirectUploads',
    'session',
    'rendezvousDir',
    'logLevel',
  ]);
}
