import { DteError, type Rendezvous } from '@org/dte-protocol';
import { Command } from 'commander';
import { coordinatorAnswers, tellAgents } from '@org/dte-runner';
import {
  cliContext,
  joinSession,
  requireRendezvous,
  say,
  warn,
  type CliContext,
  type Flags,
} from './context';
import { lastReports, writesNote } from './last-reports';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte complete-ci-run      # last step of a main job with --require-explicit-completion

On GitLab, it also writes the reports of the job and, with DTE_NOTE_TOKEN, the note of its merge request.`;

const OVER = 'its main job is over';

async function completeCiRun(flags: Flags): Promise<void> {
  const context = cliContext(flags);
  try {
    await complete(context);
  } finally {
    // After the agents are released: they wait for nothing else.
    await lastReports(context);
  }
}

/** A coordinator without remaining work exits by itself, perhaps while it handles this request; so the request is retried once. */
async function complete(context: CliContext): Promise<void> {
  const rendezvous = requireRendezvous(context);
  try {
    await sayComplete(context, rendezvous);
  } catch (thrown) {
    if (await isStillThere(context, rendezvous)) throw thrown;
    const error = DteError.from(thrown);
    // A service that has gone. The work of this job is done, with or without it, and the job must not fail now.
    if (rendezvous.isAddressGiven && error.severity === 'retry') {
      warn(error.message);
      say(`dte: session ${context.sessionId} · its coordinator does not answer; agents leave without it`);
      return;
    }
    await sayComplete(context, rendezvous);
  }
}

async function isStillThere({ sessionId, resolved }: CliContext, rendezvous: Rendezvous): Promise<boolean> {
  try {
    const record = await rendezvous.find(sessionId);
    return record !== null && (await coordinatorAnswers(record, resolved.limits));
  } catch {
    // Nobody knows; the first error is more helpful.
    return true;
  }
}

async function sayComplete(context: CliContext, rendezvous: Rendezvous): Promise<void> {
  const { sessionId, resolved, surroundings } = context;
  const { limits } = resolved;
  const record = await rendezvous.find(sessionId);
  if (
    record === null &&
    (await tellAgents({ resolved, job: surroundings.job, rendezvous, sessionId }, OVER))
  ) {
    say(`dte: session ${sessionId} has no coordinator; agents are released`);
    return;
  }
  if (record === null) {
    say(`dte: session ${sessionId} has no coordinator, so there is nothing to complete`);
    return;
  }
  // The usual end of a job log: it must not sound like a fault.
  if (record.state === 'finished') {
    say(`dte: session ${sessionId} · complete; its coordinator has ended`);
    return;
  }
  // GitLab runs after_script in a new container: the coordinator has ended with the old one, and agents that were
  // connected to it look for its new address.
  if (!rendezvous.isAddressGiven && !(await coordinatorAnswers(record, limits))) {
    await rendezvous.finish(sessionId, record.generation, Date.now() + limits.finishedRecordMs);
    say(`dte: session ${sessionId} · its coordinator has already stopped; agents are released`);
    return;
  }
  const session = await joinSession(context, 'main');
  try {
    await session.http.complete(writesNote(context) ? { writesNote: true } : {});
    say(`dte: session ${sessionId} · no more work will come; agents leave when the submitted work is done`);
  } finally {
    session.close();
  }
}

export function completeCiRunCommand(): Command {
  const command = new Command('complete-ci-run')
    .alias('stop-all-agents')
    .description('end the session: agents leave when the submitted work is done')
    .addHelpText('after', EXAMPLES)
    .action(completeCiRun);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir']);
}
