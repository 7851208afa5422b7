import { Command } from 'commander';
import { baseShaCommand } from './base-sha';
import { cacheCommand } from './cache';
import { completeCiRunCommand } from './complete-ci-run';
import { coordinatorCommand } from './coordinator';
import { doctorCommand } from './doctor';
import { foreignHint } from './foreign-flags';
import { holdSessionCommand } from './hold-session';
import { outputsCommand } from './outputs';
import { ownVersion } from './own-version';
import { parityCommand } from './parity';
import { planCommand } from './plan';
import { recordCommand } from './record';
import { reportCommand } from './report';
import { startAgentCommand } from './start-agent';
import { startCiRunCommand } from './start-ci-run';
import { statusCommand } from './status';
import { validateCommand } from './validate';
import { whyCommand } from './why';

const EXAMPLES = `
Main job:
  $ npx dte start-ci-run --distribute-on=manual --stop-agents-after=e2e-ci
  $ npx dte record -- nx format:check
  $ npx nx affected -t lint,test,build,e2e-ci --parallel=2
Agent jobs:
  $ npx dte start-agent
To find problems:
  $ npx dte parity
  $ npx dte doctor`;

/** The command line of the product; each command is a file next to this one. */
export function createProgram(): Command {
  const program = new Command('dte')
    .description('Distributed task execution for Nx on your own GitLab runners')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    // Options after `record -- nx` are nx's.
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  const commands = [
    baseShaCommand(),
    planCommand(),
    parityCommand(),
    startCiRunCommand(),
    startAgentCommand(),
    recordCommand(),
    completeCiRunCommand(),
    coordinatorCommand(),
    statusCommand(),
    outputsCommand(),
    reportCommand(),
    whyCommand(),
    cacheCommand(),
    doctorCommand(),
    validateCommand(),
  ];
  for (const command of commands) program.addCommand(command);
  // Internal.
  const internal = holdSessionCommand();
  program.addCommand(internal, { hidden: true });
  const below = commands.flatMap((command) => command.commands);
  for (const command of [program, ...commands, ...below, internal]) {
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(`dte: ${text}${foreignHint(text)}`),
    });
  }
  return program;
}
