import { moment, plural, type SessionStatus } from '@org/dte-protocol';
import { Command } from 'commander';
import pc from 'picocolors';
import { cliContext, joinSession, say, type Flags } from './context';
import { addFlags } from './option-flags';
import { table } from './table';

const EXAMPLES = `
Examples:
  $ dte status
  $ dte status --json | jq '.agents[].name'`;

const hasLabels = ({ agents }: SessionStatus): boolean => agents.some(({ labels = [] }) => labels.length > 0);

const slotsText = ({ slots, capacity }: SessionStatus['agents'][number]): string => {
  const most = slots === null ? 'by run' : String(slots);
  return capacity === undefined ? most : `auto, ${most}`;
};

function agentRows(status: SessionStatus): string[][] {
  return status.agents.map((agent) => [
    agent.name,
    ...(hasLabels(status) ? [agent.labels?.join(', ') ?? ''] : []),
    agent.connected ? (agent.draining ? pc.yellow('leaving') : pc.green('connected')) : pc.dim('gone'),
    slotsText(agent),
    String(agent.finished),
    agent.running.join(', ') || pc.dim('idle'),
    agent.jobUrl ?? '',
  ]);
}

function runRows(status: SessionStatus): string[][] {
  return status.runs.map((run) => [
    run.command,
    run.state,
    `${run.done}/${run.total}`,
    String(run.running),
    run.failed > 0 ? pc.red(String(run.failed)) : '0',
  ]);
}

const recordRows = (status: SessionStatus): string[][] =>
  status.records.map(({ command, exitCode, startMs, endMs }) => [
    command,
    exitCode === 0 ? pc.green('0') : pc.red(String(exitCode)),
    `${((endMs - startMs) / 1000).toFixed(1)} s`,
  ]);

const day = (ms: number): string => moment(ms).slice(0, 16).replace('T', ' ');

const flakyRows = ({ flaky = [] }: SessionStatus): string[][] =>
  flaky.map(({ taskId, failedAtMs, succeededAtMs, hash }) => [
    taskId,
    day(failedAtMs),
    day(succeededAtMs),
    pc.dim(hash),
  ]);

/** The status of a session as text. */
export function renderStatus(status: SessionStatus): string {
  const parts = [`session ${pc.bold(status.sessionId)} · ${status.state}`];
  parts.push(
    status.agents.length === 0
      ? pc.dim('no agents yet')
      : table(
          ['agent', ...(hasLabels(status) ? ['labels'] : []), 'state', 'slots', 'finished', 'running', 'job'],
          agentRows(status),
        ),
  );
  if (status.released !== undefined)
    parts.push(`${plural(status.released, 'agent')} left early: nothing is left that they could do`);
  if (status.runs.length > 0)
    parts.push(table(['command', 'state', 'done', 'running', 'failed'], runRows(status)));
  if (status.records.length > 0)
    parts.push(table(['recorded command', 'exit code', 'took'], recordRows(status)));
  if (flakyRows(status).length > 0)
    parts.push(table(['flaky task', 'failed (UTC)', 'succeeded (UTC)', 'both with hash'], flakyRows(status)));
  return parts.join('\n\n');
}

async function status(flags: Flags & { json?: boolean }): Promise<void> {
  const { json = false, ...options } = flags;
  const session = await joinSession(cliContext(options), 'observer');
  try {
    const answer = await session.http.status();
    say(json ? JSON.stringify(answer, null, 2) : renderStatus(answer));
  } finally {
    session.close();
  }
}

export function statusCommand(): Command {
  const command = new Command('status')
    .description('show agents, runs and recorded commands of the session')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(status);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir']);
}
