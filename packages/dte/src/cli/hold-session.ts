import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { makeDataFolder } from '../embedded/data-folder';
import { dataDirOf } from '../embedded/ensure';
import { watchJob } from '../embedded/job-watch';
import { handOver, handoverEnv } from '../secrets/handover';
import { cliContext, joinSession, requireRendezvous, type CliContext, type Flags } from './context';
import { addFlags } from './option-flags';

/**
 * Can a process of this job stand for the job? A coordinator in the job does by itself. At a standalone one a killed main
 * job looks like one that is between two commands, unless somebody stays connected; and who stays has to learn from
 * GitLab when the job is over, because where jobs are not containers a process in the background outlives them.
 */
export function isHeld({ rendezvous }: CliContext, env: NodeJS.ProcessEnv): boolean {
  return rendezvous?.kind === 'static' && Boolean(env['CI_API_V4_URL']) && Boolean(env['CI_JOB_TOKEN']);
}

/** Starts `dte hold-session` as a process that outlives this one; its log is `<dataDir>/hold-session.log`. */
export function startHolding({ resolved, workspaceRoot, sessionId }: CliContext, url: string): void {
  const dataDir = makeDataFolder(dataDirOf(resolved, workspaceRoot));
  const log = openSync(join(dataDir, 'hold-session.log'), 'a');
  const args = ['hold-session', '--session', sessionId, '--coordinator-url', url];
  const child = spawn(process.execPath, [join(__dirname, 'main.js'), ...args], {
    cwd: workspaceRoot,
    detached: true,
    env: handoverEnv(),
    stdio: ['pipe', log, log],
  });
  handOver(child);
  closeSync(log);
  // Without it the session ends later than it could; nothing else depends on it.
  child.on('error', () => undefined);
  child.unref();
}

/** Stays connected until the session is finished, its coordinator stays away, or the job is over. */
async function holdSession(flags: Flags): Promise<void> {
  const context = cliContext(flags);
  requireRendezvous(context);
  const session = await joinSession(context, 'main');
  await new Promise<void>((resolve) => {
    const stopWatching = watchJob({ env: process.env, limits: context.resolved.limits, onEnded: resolve });
    session.connection.onMessage((message) => {
      if (message.type === 'session.info' && message.state === 'finished') resolve();
    });
    let patience: NodeJS.Timeout | undefined;
    session.connection.onState(({ name }) => {
      clearTimeout(patience);
      if (name === 'closed' || name === 'failed') resolve();
      // The commands of this job do not wait longer for a coordinator either.
      if (name === 'connecting') patience = setTimeout(resolve, context.resolved.limits.coordinatorGraceMs);
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    process.once('exit', stopWatching);
  });
  session.close();
}

export function holdSessionCommand(): Command {
  const command = new Command('hold-session')
    .description('stay connected for as long as this job lives (started by start-ci-run)')
    .action(holdSession);
  return addFlags(command, ['session', 'coordinatorUrl']);
}
