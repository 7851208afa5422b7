import type { NxRunnerContext, NxRunnerOptions, NxStatuses, NxTask } from '@org/dte-nx-compat';
import { createRendezvous, noRendezvous } from '../edge/rendezvous';
import { type CommandVoice, distribute, runDeclined } from '@org/dte-runner';
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
export const distributeHere = ({ options, context, ...command }: NxCommand): Promise<NxStatuses> =>
  distribute(options, context, edgeOf(command));

/**
 * Runs one nx command of a job that has a session without agents.
 * @public required on demand by index.ts
 */
export const declineHere = ({ options, context, ...command }: NxCommand): Promise<NxStatuses> =>
  runDeclined(options, context, edgeOf(command));

function edgeOf(command: Omit<NxCommand, 'options' | 'context'>): Parameters<typeof distribute>[2] {
  const surroundings = readSurroundings(process.env);
  return {
    ...command,
    surroundings,
    createRendezvous: (resolved, workspaceRoot) => {
      const rendezvous = createRendezvous({ ...resolved, surroundings, workspaceRoot });
      if (rendezvous === null) throw noRendezvous(resolved.config);
      return rendezvous;
    },
  };
}
