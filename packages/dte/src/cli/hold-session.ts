import { Command } from 'commander';
import { watchJob } from '@org/dte-gitlab';
import { HOLDING } from '@org/dte-runner';
import { cliContext, joinSession, requireRendezvous, type Flags } from './context';
import { addFlags } from './option-flags';

/**
 * Stays connected until the session is finished or the job has ended, and reconnects to a coordinator that was away:
 * the session counts as held, and without a holder, the next pause between two commands would end it.
 */
async function holdSession(flags: Flags): Promise<void> {
  const context = cliContext(flags);
  requireRendezvous(context);
  const session = await joinSession(context, 'main');
  process.send?.(HOLDING);
  // Its parent no longer reads.
  if (process.connected) process.disconnect();
  await new Promise<void>((resolve) => {
    const { job, authorities } = context.surroundings;
    const stopWatching = watchJob({
      job,
      authorities,
      limits: context.resolved.limits,
      onEnded: resolve,
    });
    session.connection.onMessage((message) => {
      if (message.type === 'session.info' && message.state === 'finished') resolve();
    });
    let patience: NodeJS.Timeout | undefined;
    session.connection.onState(({ name }) => {
      clearTimeout(patience);
      if (name === 'closed' || name === 'failed') resolve();
      // If GitLab cannot be asked, nothing else would end this process, and no session lasts longer without its main job.
      if (name === 'connecting') patience = setTimeout(resolve, context.resolved.limits.sessionIdleMs);
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    process.once('exit', stopWatching);
  });
  session.close();
}

export function holdSessionCommand(): Command {
  const command = new Command('hold-session')
    .description('stay connected while this job runs (started by start-ci-run)')
    .action(holdSession);
  return addFlags(command, ['session', 'coordinatorUrl']);
}
