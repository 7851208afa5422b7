import { HiddenValues, readCheckout, readRuntimeValues, type Checkout } from '@org/dte-agent';
import {
  environmentOfTask,
  matchFiles,
  readHashInput,
  type NxProjectGraph,
  type NxTask,
} from '@org/dte-nx-compat';
import type { Drift, FinishedAttempt, LimitValues, OnHashMismatch } from '@org/dte-protocol';
import { describeDrift, type DriftText } from './describe-drift';
import { differingFiles } from './differing-files';
import { differingNames, flatten, type OwnSide } from './differing-inputs';

export interface InvestigatorOptions {
  readonly workspaceRoot: string;
  readonly projectGraph: NxProjectGraph;
  readonly limits: LimitValues;
  readonly policy: OnHashMismatch | 'auto';
  /** Names of variables whose values may be secrets: the output of a runtime input may contain one. */
  readonly forwardedEnv: readonly string[];
}

/** Names the differences between the hash of a task on an agent and on the main job. */
export interface DriftInvestigator {
  /** Null if the attempt has no difference. Never throws. */
  describe(task: NxTask, agentName: string, finished: FinishedAttempt): Promise<DriftText | null>;
}

/** Tasks that differ come in crowds, and git need not look at this checkout for each of them. Not a limit: it only saves work. */
const CHECKOUT_FRESH_MS = 2_000;

type Drifted = FinishedAttempt & { readonly drift: NonNullable<FinishedAttempt['drift']> };

/** For the main job: collects its own data only if there is a difference. */
export class OwnSideInvestigator implements DriftInvestigator {
  private readonly hidden = new HiddenValues();
  private checkout: { readonly value: Promise<Checkout>; readonly atMs: number } | null = null;

  constructor(private readonly options: InvestigatorOptions) {
    this.hidden.add(options.forwardedEnv.map((name) => process.env[name] ?? ''));
  }

  async describe(task: NxTask, agentName: string, finished: FinishedAttempt): Promise<DriftText | null> {
    const { drift } = finished;
    if (drift === undefined) return null;
    // If the cause cannot be determined, the difference must be reported anyway.
    return this.investigate(task, agentName, { ...finished, drift }).catch(() => null);
  }

  private async investigate(task: NxTask, agentName: string, finished: Drifted): Promise<DriftText> {
    const { workspaceRoot, projectGraph, policy } = this.options;
    const rootOf = (project: string): string | undefined => projectGraph.nodes[project]?.data.root;
    const { drift, hashDetails: agent } = finished;
    const main = flatten(task.hashDetails);
    const env = environmentOfTask(task, projectGraph, workspaceRoot);
    const names = agent === null ? Object.keys(main) : differingNames(main, agent);
    const commands = names
      .map((name) => readHashInput(name, rootOf))
      .flatMap((input) => (input.kind === 'runtime' ? [input.command] : []));
    const own = await this.ownSide(commands, env, drift);
    const computed = finished.hash ?? 'none';
    return describeDrift({ taskId: task.id, agentName, computed, drift, main, agent, rootOf, policy, own });
  }

  private async ownSide(commands: readonly string[], env: NodeJS.ProcessEnv, drift: Drift): Promise<OwnSide> {
    const { workspaceRoot, limits } = this.options;
    const [own, runtime] = await Promise.all([
      this.ownCheckout(),
      readRuntimeValues(commands, workspaceRoot, env, limits),
    ]);
    return {
      hasEnv: (name) => env[name] !== undefined,
      runtime: Object.fromEntries(
        Object.entries(runtime).map(([command, said]) => [command, this.hidden.in(said)]),
      ),
      files: own === null || drift.checkout === null ? null : differingFiles(own, drift.checkout),
      match: (patterns, paths) => matchFiles(patterns, paths, workspaceRoot),
    };
  }

  private ownCheckout(): Promise<Checkout> {
    const { workspaceRoot, limits } = this.options;
    const nowMs = Date.now();
    if (this.checkout === null || nowMs - this.checkout.atMs > CHECKOUT_FRESH_MS)
      this.checkout = {
        value: readCheckout(workspaceRoot, { ...limits, driftFiles: limits.ownFiles }),
        atMs: nowMs,
      };
    return this.checkout.value;
  }
}
