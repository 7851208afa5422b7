import {
  terminalUiOf,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxStatuses,
  type TerminalUi,
} from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { prepare, type Edge, type Prepared } from '../prepare/prepare';
import { prepareAlone } from './prepare-alone';
import { aroundUi, stdVoice, type CommandVoice } from '../report/say';
import { DistributedCommand, type DistributedCommandOptions } from './distributed-command';

type GivenEdge = Edge & { readonly voice?: CommandVoice };

/** Runs one nx command on agents. Tasks that they cannot run, or all tasks if there are no agents, run here. */
export async function distribute(
  options: NxRunnerOptions,
  context: NxRunnerContext,
  { voice: given = stdVoice, ...edge }: GivenEdge,
): Promise<NxStatuses> {
  const ui = uiOf(options);
  const voice = voiceOf(ui, given);
  let prepared: Prepared;
  try {
    prepared = await prepare(context, voice, edge);
  } catch (thrown) {
    const error = DteError.from(thrown);
    voice.explain(error);
    voice.line('dte: this command runs undistributed');
    const alone = await prepareAlone(context, edge, error);
    if (alone === null) return edge.runUndistributed();
    prepared = alone;
  }
  return runPrepared({ prepared, options, context, voice, ui });
}

/**
 * Runs one nx command that must not be distributed (`--no-agents`, `--no-dte`). Nothing connects and nothing is printed, unless
 * earlier commands of the session have left outputs elsewhere.
 */
export async function runDeclined(
  options: NxRunnerOptions,
  context: NxRunnerContext,
  { voice: given = stdVoice, ...edge }: GivenEdge,
): Promise<NxStatuses> {
  const why = new DteError('DTE_NO_COORDINATOR', 'The command was given --no-agents or --no-dte.');
  const prepared = await prepareAlone(context, edge, why);
  if (prepared === null) return edge.runUndistributed();
  const ui = uiOf(options);
  return runPrepared({ prepared, options, context, voice: voiceOf(ui, given), ui });
}

async function runPrepared(command: DistributedCommandOptions): Promise<NxStatuses> {
  try {
    return await new DistributedCommand(command).run();
  } finally {
    command.prepared.session.close();
  }
}

const voiceOf = (ui: TerminalUi | null, given: CommandVoice): CommandVoice =>
  ui === null ? given : aroundUi(ui, given, (say) => process.once('exit', say));

/** If Nx's UI is not available, less is shown; the tasks run anyway. */
function uiOf({ lifeCycle }: NxRunnerOptions): TerminalUi | null {
  try {
    return terminalUiOf(lifeCycle);
  } catch {
    return null;
  }
}
