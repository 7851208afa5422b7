import {
  parallelOf,
  shouldStreamOutput,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxTask,
} from '@org/dte-nx-compat';
import { LIMITS } from '@org/dte-protocol';

/** The arguments of an nx command, in one shape for all versions of Nx. */
export interface Command {
  readonly text: string;
  readonly requestedTargets: readonly string[];
  /** Was this task named on the command line? On Nx 20, which does not provide that: was its target? */
  readonly isRequested: (task: NxTask) => boolean;
  readonly parallel: number;
  readonly nxBail: boolean;
  readonly skipNxCache: boolean;
  readonly skipRemoteCache: boolean;
  readonly verbose: boolean;
  /** --batch; undefined if not given. */
  readonly batch: boolean | undefined;
  readonly streams: (task: NxTask) => boolean;
}

const strings = (value: unknown): string[] =>
  (Array.isArray(value) ? value : [value]).filter(
    (entry): entry is string => typeof entry === 'string' && entry !== '',
  );

/** --parallel as parsed by Nx, but at most the highest number of slots of an agent. */
export const readParallel = (value: unknown): number =>
  Math.min(parallelOf(value), LIMITS.slotsPerAgent.value);

export function commandOf(
  options: NxRunnerOptions,
  context: NxRunnerContext,
  argv: readonly string[],
): Command {
  const { nxArgs, initiatingProject, initiatingTasks = [] } = context;
  const named = [...strings(nxArgs['targets']), ...strings(nxArgs['target'])];
  const requestedTargets = new Set([...named, ...initiatingTasks.map(({ target }) => target.target)]);
  const initiating = new Set(initiatingTasks.map(({ id }) => id));
  const streamed = new Map<string, boolean>();
  return {
    text: `nx ${argv.slice(2).join(' ')}`,
    requestedTargets: [...requestedTargets],
    isRequested: ({ id, target }) =>
      context.initiatingTasks === undefined ? requestedTargets.has(target.target) : initiating.has(id),
    parallel: readParallel(options.parallel),
    nxBail: nxArgs.nxBail === true || options['nxBail'] === true,
    skipNxCache: options.skipNxCache === true || nxArgs.skipNxCache === true,
    skipRemoteCache: options.skipRemoteCache === true,
    verbose: nxArgs['verbose'] === true || process.env['NX_VERBOSE_LOGGING'] === 'true',
    batch: [nxArgs['batch'], options['batch']].find((value) => typeof value === 'boolean'),
    streams: (task) => {
      const known = streamed.get(task.id);
      if (known !== undefined) return known;
      const answer = shouldStreamOutput(task, initiatingProject, nxArgs);
      streamed.set(task.id, answer);
      return answer;
    },
  };
}
