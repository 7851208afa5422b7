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
import { DistributedCommand } from './distributed-command';

/** Runs one nx command on agents. Tasks that they cannot run, or all tasks if there are no agents, run here. */
export async function distribute(
  options: NxRunnerOptions,
  context: NxRunnerContext,
  { voice: given = stdVoice, ...edge }: Edge & { readonly voice?: CommandVoice },
): Promise<NxStatuses> {
  const ui = uiOf(options);
  const voice = ui === null ? given : aroundUi(ui, given, (say) => process.once('exit', say));
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
  try {
    return await new DistributedCommand({ prepared, options, context, voice, ui }).run();
  } finally {
    prepared.session.close();
  }
}

/** If Nx's UI is not available, less is shown; the tasks run anyway. */
function uiOf({ lifeCycle }: NxRunnerOptions): TerminalUi | null {
  try {
    return terminalUiOf(lifeCycle);
  } catch {
    return null;
  }
}
