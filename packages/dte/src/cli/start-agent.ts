import { runAgent } from '@org/dte-agent';
import { Command } from 'commander';
import { join } from 'node:path';
import { clientCredentials, dataDirOf, introduce, makeDataFolder, readIdentity } from '@org/dte-runner';
import { forAgent } from '../edge/rendezvous';
import { cliContext, requireRendezvous, type Flags } from './context';
import { addFlags } from './option-flags';
import { loadOwnLater } from './own-modules';

const EXAMPLES = `
Examples:
  $ dte start-agent                      # as many tasks at a time as the main job's --parallel
  $ dte start-agent --slots auto         # fewer while big tasks run: by what earlier runs took of CPU and memory
  $ dte start-agent --slots 4 --name big --labels linux,large

The agent waits for the session of its pipeline, runs tasks until the session ends, and exits with code 0.`;

async function startAgent(flags: Flags, self: Command): Promise<void> {
  loadOwnLater(self);
  const context = cliContext(flags);
  const { resolved, surroundings, workspaceRoot, sessionId } = context;
  const { config, limits } = resolved;
  const { env } = process;
  const rendezvous = forAgent(requireRendezvous(context), limits);
  process.exitCode = await runAgent({
    workspaceRoot,
    sessionId,
    rendezvous,
    identity: await readIdentity(workspaceRoot),
    ...introduce(surroundings.job, config.name),
    labels: config.labels,
    slots: config.slots?.most ?? null,
    isPacked: config.slots?.isAuto,
    credentials: clientCredentials(resolved, surroundings, 'agent', rendezvous),
    limits,
    dataDir: join(makeDataFolder(dataDirOf(resolved, workspaceRoot)), 'agent'),
    env,
    stdout: process.stdout,
    signals: process,
  });
}

export function startAgentCommand(): Command {
  const command = new Command('start-agent')
    .description('run tasks of the session of this pipeline, in an agent job')
    .addHelpText('after', EXAMPLES)
    .action(startAgent);
  return addFlags(command, [
    'slots',
    'labels',
    'name',
    'session',
    'coordinatorUrl',
    'rendezvousDir',
    'dataDir',
  ]);
}
