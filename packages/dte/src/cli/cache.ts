import { cacheForgetSchema, DteError } from '@org/dte-protocol';
import { Command } from 'commander';
import { cliContext, joinSession, say, type Flags } from './context';
import { addFlags } from './option-flags';

const EXAMPLES = `
Examples:
  $ dte cache forget --pipeline 4711

Run it in the main job of a pipeline for a protected branch or tag. The id is that in the address of the pipeline (CI_PIPELINE_ID).`;

/** @throws DteError DTE_BAD_CONFIG if it is no id of a pipeline; what the coordinator answers */
async function forget(flags: Flags & { pipeline: string }): Promise<void> {
  const { pipeline, ...options } = flags;
  const asked = cacheForgetSchema.safeParse({ pipelineId: pipeline });
  if (!asked.success)
    throw new DteError(
      'DTE_BAD_CONFIG',
      `--pipeline ${JSON.stringify(pipeline)} is not the id of a pipeline; nothing was removed. Expected a number, as in the address of the pipeline.`,
    );
  const { pipelineId } = asked.data;
  const session = await joinSession(cliContext(options), 'main');
  try {
    const count = await session.http.forget(pipelineId);
    const what = count === 1 ? '1 entry' : `${count} entries`;
    say(`dte: ${what} of pipeline ${pipelineId} removed from the shared cache`);
  } finally {
    session.close();
  }
}

function forgetCommand(): Command {
  const command = new Command('forget')
    .description('remove everything that a pipeline has stored in the shared cache of this project')
    .requiredOption('--pipeline <id>', 'the pipeline: its CI_PIPELINE_ID')
    .addHelpText('after', EXAMPLES)
    .action(forget);
  return addFlags(command, ['session', 'coordinatorUrl', 'rendezvousDir']);
}

export const cacheCommand = (): Command =>
  new Command('cache')
    .description('results that pipelines of this project share')
    .addCommand(forgetCommand());
