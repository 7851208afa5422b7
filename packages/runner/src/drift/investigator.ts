import { HiddenValues, readCheckout, readRuntimeValues, type Checkout } from '@org/dte-agent';
import {
  environmentOfTask,
  matchFiles,
  readHashInput,
  type NxHashDetails,
  type NxProjectGraph,
  type NxTask,
} from '@org/dte-nx-compat';
import type { FinishedAttempt, LimitValues, OnHashMismatch } from '@org/dte-protocol';
import { describeDrift, type DriftText } from './describe-drift';
import { differingFiles } from './differing-files';
import { differingNames, type Inputs } from './differing-inputs';

export interface InvestigatorOptions {
  readonly workspaceRoot: string;
  readonly projectGraph: NxProjectGraph;
  readonly limits: LimitValues;
  readonly policy: OnHashMismatch | 'auto';
  /** Names of variables whose values may be secrets: a runtime input may print one. */
  readonly forwardedEnv: readonly string[];
}

/** Names what differs between the hash of a task on an agent and the one of the main job. */
export interface DriftInvestigator {
  /** Null when the attempt has no difference to tell of. Never throws. */
  describe(task: NxTask, agentName: string, finished: FinishedAttempt): Promise<DriftText | null>;
}

/** Tasks that differ come in crowds, and git need not look at this checkout for each of them. */
const CHECKOUT_FRESH_MS = 2_000;

const flatten = (details: NxHashDetails | undefined): Inputs =>
  details === undefined
    ? {}
    : { command: details.command, ...details.nodes, ...details.implicitDeps, ...details.runtime };

/** Of the main job: it looks at its own side, and only when there is a difference. */
export function createInvestigator(options: InvestigatorOptions): DriftInvestigator {
  const { workspaceRoot, projectGraph, limits, policy } = options;
  const rootOf = (project: string): string | undefined => projectGraph.nodes[project]?.data.root;
  const hidden = new HiddenValues();
  hidden.add(options.forwardedEnv.map((name) => process.env[name] ?? ''));
  let checkout: { readonly value: Promise<Checkout>; readonly atMs: number } | null = null;

  function ownCheckout(): Promise<Checkout> {
    const nowMs = Date.now();
    if (checkout === null || nowMs - checkout.atMs > CHECKOUT_FRESH_MS)
      checkout = {
        value: readCheckout(workspaceRoot, { ...limits, driftFiles: limits.ownFiles }),
        atMs: nowMs,
      };
    return checkout.value;
  }

  async function investigate(
    task: NxTask,
    agentName: string,
    finished: FinishedAttempt & { drift: NonNullable<FinishedAttempt['drift']> },
  ): Promise<DriftText> {
    const { drift, hashDetails: agent } = finished;
    const main = flatten(task.hashDetails);
    const env = environmentOfTask(task, projectGraph, workspaceRoot);
    const names = agent === null ? Object.keys(main) : differingNames(main, agent);
    const commands = names
      .map((name) => readHashInput(name, rootOf))
      .flatMap((input) => (input.kind === 'runtime' ? [input.command] : []));
    const [own, runtime] = await Promise.all([
      ownCheckout(),
      readRuntimeValues(commands, workspaceRoot, env, limits),
    ]);
    return describeDrift({
      ...{
        taskId: task.id,
        agentName,
        computed: finished.hash ?? 'none',
        drift,
        main,
        agent,
        rootOf,
        policy,
      },
      own: {
        hasEnv: (name) => env[name] !== undefined,
        runtime: Object.fromEntries(
          Object.entries(runtime).map(([command, said]) => [command, hidden.in(said)]),
        ),
        files: own === null || drift.checkout === null ? null : differingFiles(own, drift.checkout),
        match: (patterns, paths) => matchFiles(patterns, paths, workspaceRoot),
      },
    });
  }

  return {
    async describe(task, agentName, finished) {
      const { drift } = finished;
      if (drift === undefined) return null;
      // Whatever stops us from naming the cause must not stop anybody from hearing of the difference.
      return investigate(task, agentName, { ...finished, drift }).catch(() => null);
    },
  };
}
