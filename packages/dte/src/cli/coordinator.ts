import type { Coordinator } from '@org/dte-coordinator';
import { createSessionCertificate } from '@org/dte-identity';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import type { Config, Env } from '@org/dte-config';
import { isLoopback, listenHost, publishedAddresses } from '../embedded/addresses';
import { makeDataFolder } from '../embedded/data-folder';
import { jobMarkOf, SESSION_FOLDER } from '../embedded/earlier-try';
import { dataDirOf, historyDirOf } from '../embedded/ensure';
import { embeddedLimits, watchJob } from '../embedded/job-watch';
import type { FailedMessage, ReadyMessage } from '../embedded/start';
import { extraAuthorities } from '../gitlab-http';
import { issuersOf } from '../session/credentials';
import { cliContext, say, warn, type Flags } from './context';
import { ownVersion } from './own-version';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte coordinator --issuers https://gitlab.example.com --host 0.0.0.0 --port 7337 --data-dir /var/lib/dte
  $ DTE_SECRET=... dte coordinator --host 0.0.0.0      # where there is no GitLab
  $ dte coordinator --port 0                 # for a try on this machine`;

const DEFAULT_PORT = 7337;
const STDOUT = 1;

/** Resolves with the first signal that asks this process to end. */
const whenAskedToEnd = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

/** The coordinator of a main job takes id tokens where its own job has one; a service only from those it is told. */
function acceptedIssuers(config: Config, env: Env, embedded: boolean): readonly string[] {
  if (config.issuers !== undefined) return config.issuers;
  return embedded && config.idToken !== undefined ? issuersOf(config, env) : [];
}

/** @throws DteError DTE_SECRET_REQUIRED when other machines would reach a coordinator that nobody can prove himself to */
function checkReach(
  { secret, idToken }: Config,
  { host, embedded, issuers }: { host: string; embedded: boolean; issuers: readonly string[] },
): void {
  if (isLoopback(host) || secret !== undefined) return;
  const where = `The coordinator was asked to listen on ${host}, where other machines reach it,`;
  if (issuers.length === 0) {
    throw new DteError('DTE_SECRET_REQUIRED', `${where} with neither a secret nor issuers of id tokens.`);
  }
  if (embedded && idToken === undefined) {
    throw new DteError('DTE_SECRET_REQUIRED', `${where} with issuers, but its own job has no id token.`);
  }
}

/** @throws DteError DTE_SHARED_TRUST when a GitLab job has nothing but a secret, which jobs of other pipelines have as well */
function checkPipeline({ sharedTrust }: Config, host: string, issuers: readonly string[], env: Env): void {
  if (isLoopback(host) || issuers.length > 0 || sharedTrust || !env['CI_SERVER_URL']) return;
  throw new DteError(
    'DTE_SHARED_TRUST',
    `The coordinator of this GitLab job was asked to listen on ${host} with nothing but a secret to know its clients by: a job of any other pipeline that has the secret could replace what this one stores. Give every job the keyword \`id_tokens: DTE_ID_TOKEN: aud: dte\`.`,
  );
}

/** What people should know of a coordinator that knows its clients by nothing but a secret. */
function trustNotes({ secret, sharedTrust }: Config, host: string, issuers: readonly string[]): string[] {
  if (secret === undefined || issuers.length > 0 || isLoopback(host)) return [];
  return sharedTrust
    ? [
        'shared trust: everybody who has DTE_SECRET can enter every session here, and read and replace what it stores,',
        'those of other projects and of protected branches too; only --issuers keeps pipelines apart (docs/security.md)',
      ]
    : [
        'no --issuers: this coordinator serves the sessions of one project, and no pipelines of GitLab (docs/security.md)',
      ];
}

async function coordinate(flags: Flags & { embedded?: boolean }): Promise<void> {
  const { embedded = false, ...options } = flags;
  const context = cliContext(options);
  const { resolved, workspaceRoot, sessionId, rendezvous } = context;
  const limits = embedded ? embeddedLimits(resolved.limits, process.env) : resolved.limits;
  const { secret, advertisedUrl, idToken, audience } = resolved.config;
  const host = listenHost(resolved.config, embedded, rendezvous);
  const issuers = acceptedIssuers(resolved.config, process.env, embedded);
  checkReach(resolved.config, { host, embedded, issuers });
  if (embedded) checkPipeline(resolved.config, host, issuers, process.env);
  trustNotes(resolved.config, host, issuers).forEach(warn);
  // A service has a certificate of its own in front of it; what a main job starts has nothing but its key.
  const certificate = embedded && !isLoopback(host) ? createSessionCertificate() : null;
  // A service is nobody's job, whatever is in its environment.
  const own = embedded && idToken !== undefined ? { own: idToken } : {};
  const authorities = extraAuthorities(process.env);
  const onSessionFinished = (id: string): void => {
    if (embedded && id === sessionId) ending.arm();
  };
  // Only this command needs the server: the others start in half the time without it.
  const { boundedFile, createCoordinator, createLog, removeUnusedFolders } =
    await import('@org/dte-coordinator');
  const historyDir = historyDirOf(resolved, workspaceRoot);
  hideFromNx(historyDir);
  const dataDir = dataDirOf(resolved, workspaceRoot);
  // The output of an embedded one is `coordinator.log`, open for reading too; that of a service is kept by who started it.
  // Whoever read it has gone; the coordinator is not to go as well.
  process.stderr.on('error', () => undefined);
  const toStderr = (line: string): void => void process.stderr.write(line);
  const write = embedded ? boundedFile(STDOUT, resolved.limits.coordinatorLogBytes) : toStderr;
  const logger = createLog(resolved.config.logLevel, write);
  logger.info({ version: ownVersion(), node: process.version, embedded }, 'dte coordinator');
  const coordinator = await createCoordinator({
    logger,
    host,
    port: resolved.config.port ?? (embedded ? 0 : DEFAULT_PORT),
    dataDir,
    historyDir,
    ...(secret === undefined ? {} : { secret }),
    ...(embedded ? { session: sessionId } : {}),
    sharedTrust: resolved.config.sharedTrust,
    ...(certificate === null ? {} : { tls: certificate }),
    ...(issuers.length === 0 ? {} : { idTokens: { issuers, audience, authorities, ...own } }),
    limits,
    onSessionFinished,
    onFolderLost: leaveAtOnce,
  });
  const ending = lingering(resolved.limits.embeddedLingerMs, coordinator);
  const { port } = coordinator;
  const addresses = publishedAddresses({ advertisedUrl, host, port, secure: certificate !== null });
  const { url } = addresses;
  const published = url === coordinator.url ? '' : ` · published as ${url}`;
  const accepted = issuers.length === 0 ? '' : ` · jobs of ${issuers.join(', ')}`;
  // Whoever reads the line may ask at once.
  const asked = whenAskedToEnd();
  say(`dte: coordinator on ${coordinator.url} · process ${process.pid}${published}${accepted}`);
  const generation = randomUUID();
  if (embedded && rendezvous !== null) {
    const expiresAtMs = Date.now() + resolved.limits.rendezvousMs;
    await rendezvous.publish({
      ...{ version: 1, sessionId, ...addresses, generation, expiresAtMs },
      ...(certificate === null ? {} : { pin: certificate.pin }),
      ...jobMarkOf(process.env),
    });
    const ready: ReadyMessage = { type: 'dte-ready', url };
    process.send?.(ready);
    // Nobody waits for it. At the end there may be no time: a container goes with its main job.
    void rendezvous.tidy();
    const unusedMs = resolved.limits.retainFinishedMs;
    void removeUnusedFolders({ parent: dirname(dataDir), prefix: SESSION_FOLDER, unusedMs }).catch(sayToLog);
  }
  let jobOver = false;
  const whenJobOver = embedded ? [jobEnd(resolved.limits).then(() => (jobOver = true))] : [];
  await Promise.race([asked, ending.over, ...whenJobOver]);
  // Of a job that is over nothing more comes, whatever it has left undone.
  const finished = ending.isFinished() || jobOver;
  if (embedded && rendezvous !== null && !finished)
    await rendezvous.withdraw(sessionId, generation).catch(sayToLog);
  await coordinator.close();
  // Who finds this may start another coordinator at once, on the same folder and the same port.
  if (embedded && rendezvous !== null && finished) {
    const untilMs = Date.now() + resolved.limits.finishedRecordMs;
    await rendezvous.finish(sessionId, generation, untilMs).catch(sayToLog);
  }
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
const jobEnd = (limits: LimitValues): Promise<void> =>
  new Promise((resolve) => {
    watchJob({
      env: process.env,
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
    // Begun anew: it will be said again when that is over.
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
      'run a coordinator: one long-running service for many pipelines, or (--embedded) that of one main job',
    )
    .option('--embedded', 'serve one session, publish the address by the rendezvous and end with the session')
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
    ...(['host', 'port', 'dataDir', 'historyDir', 'advertisedUrl', 'issuers', 'audience'] as const),
    ...(['sharedTrust'] as const),
    ...(['session', 'rendezvousDir', 'logLevel'] as const),
  ]);
}
