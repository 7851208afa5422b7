import { DteError, LIMITS, printable } from '@org/dte-protocol';
import { adviceAfter, KeptOutput, runRecorded } from '@org/dte-runner';
import { Command } from 'commander';
import { cliContext, joinSession, warn, type Flags } from './context';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte record -- nx format:check --base=$NX_BASE --head=$NX_HEAD
  $ dte record -- npm run check:licenses`;

async function record([command, ...args]: [string, ...string[]], flags: Flags): Promise<void> {
  const output = new KeptOutput(LIMITS.recordBytes.value);
  const startMs = Date.now();
  const exitCode = await runRecorded(command, args, { output, warn });
  process.exitCode = exitCode;
  const endMs = Date.now();
  const advice = adviceAfter([command, ...args], exitCode);
  if (advice !== null) warn(advice);
  try {
    const context = cliContext(flags);
    // Without a session, this only runs the command.
    if (context.rendezvous === null) return;
    const session = await joinSession(context, 'main');
    try {
      const text = printable([command, ...args].join(' '), 8192);
      await session.http.record({ command: text, exitCode, startMs, endMs, output: output.text() });
    } finally {
      session.close();
    }
  } catch (thrown) {
    // The command has run and its exit code applies; storing its output is optional.
    warn(`the output was not stored: ${DteError.from(thrown).message}`);
  }
}

export function recordCommand(): Command {
  const command = new Command('record')
    .description(
      'run a command and store its output and exit code in the session; also works without a session',
    )
    .usage('[options] -- <command> [args...]')
    .argument('<command...>', 'the command and its arguments')
    .passThroughOptions()
    .addHelpText('after', EXAMPLES)
    .action(record);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir']);
}
