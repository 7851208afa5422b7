import type { NxRunnerContext, NxRunnerOptions, NxTask } from '@org/dte-nx-compat';

// Every nx command on every developer's machine loads this file: it requires nothing (types only).

type Env = Readonly<Record<string, string | undefined>>;

/** What happens to one nx command. */
export type Activity =
  /** Nx's own runner, without a message: distribution is not configured here. */
  | { readonly kind: 'off' }
  /** Not distributed, in a job that has a session: earlier commands may have left outputs elsewhere. */
  | { readonly kind: 'declined' }
  | { readonly kind: 'distribute' }
  /** Nothing runs: `dte plan` asks what would run, and the answer is written to this file. */
  | { readonly kind: 'plan'; readonly path: string };

const isSet = (value: unknown): boolean => typeof value === 'string' && value !== '';

/** `--no-agents` and `--no-dte`, in whatever form the Nx version passes them. */
const isDeclined = (args: Readonly<Record<string, unknown>>): boolean =>
  ['useAgents', 'agents', 'dte'].some((name) => args[name] === false || args[name] === 'false');

interface Situation {
  readonly env: Env;
  /** Options of the runner: ours in nx.json, and arguments of the command. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly nxArgs?: Readonly<Record<string, unknown>>;
  /** Called only if the package registry is configured. */
  readonly hasPackageRegistry: () => boolean;
}

function isRendezvousConfigured({ env, options, hasPackageRegistry }: Situation): boolean {
  if (isSet(env['DTE_COORDINATOR_URL']) || isSet(env['DTE_RENDEZVOUS_DIR'])) return true;
  // nx.json is on developers' machines too: its settings take effect only in CI.
  const inCi = isSet(env['CI']) && env['CI'] !== 'false' && env['CI'] !== '0';
  if (inCi && (isSet(options['coordinatorUrl']) || isSet(options['rendezvousDir']))) return true;
  return (isSet(env['DTE_RENDEZVOUS']) || isSet(options['rendezvous'])) && hasPackageRegistry();
}

/**
 * Decides with plain reads only. An nx that a task calls never distributes: on an agent, the task is already
 * distributed, and a task on the main job runs there because it could not be distributed, or must not be.
 */
export function decideActivity(situation: Situation): Activity {
  const { env, options, nxArgs = {} } = situation;
  if (isSet(env['DTE_EXECUTOR'])) return { kind: 'off' };
  const planFile = env['DTE_PLAN_FILE'];
  if (planFile !== undefined && planFile !== '') return { kind: 'plan', path: planFile };
  if (isSet(env['NX_TASK_TARGET_PROJECT']) || !isRendezvousConfigured(situation)) return { kind: 'off' };
  if (isDeclined(options) || isDeclined(nxArgs)) return { kind: 'declined' };
  return { kind: 'distribute' };
}

/** The tasks runner's arguments, as Nx passes them. */
export type RunnerArguments = [tasks: NxTask[], options: NxRunnerOptions, context: NxRunnerContext];
