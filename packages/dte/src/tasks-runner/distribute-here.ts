import type { NxRunnerContext, NxRunnerOptions, NxStatuses, NxTask } from '@org/dte-nx-compat';
import { createRendezvous, noRendezvous } from '../edge/rendezvous';
import { type CommandVoice, distribute } from '@org/dte-runner';
import { readSurroundings } from '../edge/surroundings';

interface NxCommand {
  readonly tasks: NxTask[];
  readonly options: NxRunnerOptions;
  readonly context: NxRunnerContext;
  /** The command as Nx would run it without us. */
  readonly runUndistributed: () => Promise<NxStatuses>;
  /** Default: the terminal. */
  readonly voice?: CommandVoice;
}

/**
 * Runs one nx command on agents, wherever this process runs.
 * @public required on demand by index.ts
 */
export function distributeHere({ options, context, ...command }: NxCommand): Promise<NxStatuses> {
  const surroundings = readSurroundings(process.env);
  return distribute(options, context, {
    ...command,
    surroundings,
    createRendezvous: (resolved, workspaceRoot) => {
      const rendezvous = createRendezvous({ ...resolved, surroundings, workspaceRoot });
      if (rendezvous === null) throw noRendezvous(resolved.config);
      return rendezvous;
    },
  });
}
