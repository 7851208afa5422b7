import { DteError } from '@org/dte-protocol';
import { Command } from 'commander';
import { OPTIONS, settingsOf, type OptionName } from '@org/dte-config';
import {
  beginReports,
  dataDirOf,
  ensureCoordinator,
  isHeld,
  jobIdOf,
  requireNx,
  startHolding,
  tellAgents,
} from '@org/dte-runner';
import {
  cliContext,
  joinSession,
  requireRendezvous,
  say,
  warn,
  type CliContext,
  type Flags,
} from './context';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte start-ci-run --distribute-on=manual --stop-agents-after=e2e-ci
  $ dte start-ci-run --stop-agents-after="lint test build" --stop-agents-on-failure
  $ DTE_HOST=0.0.0.0 dte start-ci-run        # agents on other machines; with id_tokens or DTE_SECRET`;

const FOR_COORDINATOR: readonly OptionName[] = ['host', 'port', 'advertisedUrl', 'rendezvousDir'];

/** Only `manual` makes sense here: agents are jobs of the pipeline, and only GitLab starts them. */
function checkDistributeOn(value: string): void {
  if (value === 'manual') return;
  throw new DteError(
    'DTE_BAD_CONFIG',
    `--distribute-on="${value}" requests agents, but dte does not start any. Add agent jobs to .gitlab-ci.yml that run \`dte start-agent\` (parallel: 3 for three of them), and use --distribute-on=manual here.`,
  );
}

/** Flags of this command that the coordinator process also needs. */
const coordinatorArgs = (flags: Flags): string[] =>
  OPTIONS.filter(({ name }) => FOR_COORDINATOR.includes(name) && flags[name] !== undefined).flatMap(
    ({ name, about }) => [(about.flag ?? '').split(' ')[0] ?? '', String(flags[name])],
  );

/**
 * Problems that may be temporary or that this job did not cause: the job can do all work itself, and a pipeline must
 * not fail because help is missing. All other problems (another secret, a wrong option) need a fix, and would be
 * overlooked.
 */
const isBearable = ({ code, severity }: DteError): boolean =>
  severity === 'retry' || code === 'DTE_RENDEZVOUS_REFUSED' || code === 'DTE_NX_UNSUPPORTED';

async function startCiRun(flags: Flags & { distributeOn: string }): Promise<void> {
  const { distributeOn, ...options } = flags;
  checkDistributeOn(distributeOn);
  const context = cliContext(options);
  const rendezvous = requireRendezvous(context);
  // Before anything can fail: the results of another job are not those of this one.
  beginReports(dataDirOf(context.resolved, context.workspaceRoot), context.surroundings.job);
  try {
    await openCiRun(context, options);
  } catch (thrown) {
    const error = DteError.from(thrown);
    const { resolved, surroundings, sessionId } = context;
    const told = await tellAgents({ resolved, job: surroundings.job, rendezvous, sessionId }, error);
    if (!isBearable(error)) throw error;
    warn(error.explain());
    const agents = told ? ', and its agents are released' : '';
    say(`dte: session ${sessionId} · no coordinator; the nx commands of this job run undistributed${agents}`);
  }
}

async function openCiRun(context: CliContext, flags: Flags): Promise<void> {
  const { resolved, surroundings, sessionId, workspaceRoot } = context;
  const rendezvous = requireRendezvous(context);
  requireNx(workspaceRoot);
  const { job, cliPath } = surroundings;
  const args = coordinatorArgs(flags);
  const anew = true;
  await ensureCoordinator({
    resolved,
    surroundings,
    rendezvous,
    sessionId,
    workspaceRoot,
    note: say,
    anew,
    args,
  });
  const session = await joinSession(context, 'main');
  try {
    const settings = settingsOf(resolved.config, jobIdOf(job));
    const { stopAgentsAfter } = settings;
    await session.http.configure(settings);
    const holding = { resolved, workspaceRoot, sessionId, cliPath, url: session.connection.url() };
    if (isHeld(rendezvous, job) && (await startHolding(holding)))
      await session.http.configure({ ...settings, held: true });
    const until = stopAgentsAfter.length === 0 ? '' : ` · agents stay until ${stopAgentsAfter.join(', ')}`;
    say(`dte: session ${sessionId} · coordinator ${session.connection.url()}${until}`);
  } finally {
    session.close();
  }
}

export function startCiRunCommand(): Command {
  const command = new Command('start-ci-run')
    .description('open the session of this pipeline, in the main job before its nx commands (idempotent)')
    .option('--distribute-on <how>', 'only "manual": agents are jobs of your pipeline', 'manual')
    .addHelpText('after', EXAMPLES)
    .action(startCiRun);
  return addFlags(command, [
    'stopAgentsAfter',
    'stopAgentsOnFailure',
    'requireExplicitCompletion',
    'session',
    'coordinatorUrl',
    'rendezvousDir',
    'dataDir',
    'host',
    'port',
    'advertisedUrl',
  ]);
}
