import type { Coordinator } from '@org/dte-coordinator';
import { DteError } from '@org/dte-protocol';
import { Command } from 'commander';
import { randomUUID } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { dataDirOf } from '../embedded/ensure';
import type { ReadyMessage } from '../embedded/start';
import { jobIdOf } from '../session/identity';
import { cliContext, say, type CliContext, type Flags } from './context';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ DTE_SECRET=... dte coordinator --host 0.0.0.0 --port 7337 --data-dir /var/lib/dte
  $ dte coordinator --port 0                 # for a try on this machine`;

const DEFAULT_PORT = 7337;

const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || host.startsWith('127.');

/** The address others use when the coordinator listens on all of them: the first that is not this machine's own. */
function outwardAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? [])
      if (family === 'IPv4' && !internal) return address;
  }
  return '127.0.0.1';
}

function publishedUrl({ resolved }: CliContext, port: number): string {
  const { advertisedUrl, host } = resolved.config;
  if (advertisedUrl !== undefined) return advertisedUrl;
  const listensOnAll = host === '0.0.0.0' || host === '::';
  const name = listensOnAll ? outwardAddress() : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Resolves with the first signal that asks this process to end. */
const whenAskedToEnd = (): Promise<void> =>
  new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });

async function coordinate(flags: Flags & { embedded?: boolean }): Promise<void> {
  const { embedded = false, ...options } = flags;
  const context = cliContext(options);
  const { resolved, workspaceRoot, sessionId, rendezvous } = context;
  const { host, secret } = resolved.config;
  if (!isLoopback(host) && secret === undefined) {
    throw new DteError(
      'DTE_SECRET_REQUIRED',
      `The coordinator was asked to listen on ${host}, where other machines reach it, without a secret.`,
    );
  }
  const onSessionFinished = (id: string): void => {
    if (embedded && id === sessionId) ending.arm();
  };
  // Only this command needs the server: the others start in half the time without it.
  const { createCoordinator } = await import('@org/dte-coordinator');
  const coordinator = await createCoordinator({
    host,
    port: resolved.config.port ?? (embedded ? 0 : DEFAULT_PORT),
    dataDir: dataDirOf(resolved, workspaceRoot),
    ...(secret === undefined ? {} : { secret }),
    limits: resolved.limits,
    onSessionFinished,
  });
  const ending = lingering(resolved.limits.embeddedLingerMs, coordinator);
  const url = publishedUrl(context, coordinator.port);
  const published = url === coordinator.url ? '' : ` · published as ${url}`;
  say(`dte: coordinator on ${coordinator.url} · process ${process.pid}${published}`);
  const generation = randomUUID();
  if (embedded && rendezvous !== null) {
    const expiresAtMs = Date.now() + resolved.limits.rendezvousMs;
    const jobId = jobIdOf(process.env);
    await rendezvous.publish({
      ...{ version: 1, sessionId, url, generation, expiresAtMs },
      ...(jobId === undefined ? {} : { jobId }),
    });
    const ready: ReadyMessage = { type: 'dte-ready', url };
    process.send?.(ready);
  }
  await Promise.race([whenAskedToEnd(), ending.over]);
  const finished = ending.isFinished();
  if (embedded && rendezvous !== null && !finished) await rendezvous.withdraw(sessionId, generation);
  await coordinator.close();
  // Who finds this may start another coordinator at once, on the same folder and the same port.
  if (embedded && rendezvous !== null && finished)
    await rendezvous.finish(sessionId, generation, Date.now() + resolved.limits.finishedRecordMs);
}

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
    .action(coordinate);
  return addFlags(command, ['host', 'port', 'dataDir', 'advertisedUrl', 'session', 'rendezvousDir']);
}
