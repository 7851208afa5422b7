import { type HashResult, type NxProjectGraph, readHashInput } from '@org/dte-nx-compat';
import { type Drift, type LimitValues, LIMITS } from '@org/dte-protocol';
import { type Checkout, readCheckout, readRuntimeValues } from '../drift';

export interface DriftWitnessOptions {
  readonly workspaceRoot: string;
  readonly limits: LimitValues;
  /** Environment of the executor. */
  readonly env: NodeJS.ProcessEnv;
}

/** The report about one difference. */
export interface Testimony {
  readonly drift: Drift;
  readonly hashDetails: Record<string, string> | null;
}

/** Entries of a hash's details that are sent: enough to name the difference. Not configurable: far below the limit `frameBytes`. */
const MAX_DETAILS = 10_000;
/** How long the state of the checkout is cached, because many tasks differ at the same time. Not configurable: it only saves calls of git. */
const CHECKOUT_FRESH_MS = 2_000;
/** Longest name of an input that the message may hold. Not configurable: it has to fit into the protocol's schema. */
const NAME_CHARS = 4_096;

/**
 * Collects this machine's data about hashes that differ from the main job's. The main job has the other half, so only
 * it can name the difference. Nothing is collected while all hashes are equal.
 */
export class DriftWitness {
  private checkout: { readonly value: Promise<Checkout>; readonly atMs: number } | null = null;
  private told = { runId: '', bytes: 0 };

  constructor(private readonly options: DriftWitnessOptions) {}

  async testify(
    runId: string,
    agreed: string,
    computed: HashResult,
    projectGraph: NxProjectGraph,
  ): Promise<Testimony> {
    const { workspaceRoot, limits } = this.options;
    const nodes: Record<string, string> = {
      command: computed.details.command,
      ...computed.details.nodes,
      ...computed.details.implicitDeps,
      ...computed.details.runtime,
    };
    const inputs = Object.keys(nodes)
      .filter((name) => name.length <= NAME_CHARS)
      .map((name) => readHashInput(name, (project) => projectGraph.nodes[project]?.data.root));
    const env = computed.environment?.() ?? this.options.env;
    const names = inputs.flatMap((input) => (input.kind === 'env' ? [input.name] : []));
    const commands = inputs.flatMap((input) => (input.kind === 'runtime' ? [input.command] : []));
    const [checkout, runtime] = await Promise.all([
      this.readCheckout(),
      readRuntimeValues(commands, workspaceRoot, env, limits),
    ]);
    const drift: Drift = {
      agreed,
      checkout,
      runtime,
      env: Object.fromEntries(names.map((name) => [name, env[name] !== undefined])),
    };
    return { drift, hashDetails: this.withinBudget(runId, nodes) };
  }

  private readCheckout(): Promise<Checkout> {
    const nowMs = Date.now();
    if (this.checkout === null || nowMs - this.checkout.atMs > CHECKOUT_FRESH_MS) {
      this.checkout = { value: readCheckout(this.options.workspaceRoot, this.options.limits), atMs: nowMs };
    }
    return this.checkout.value;
  }

  /** Null if enough was reported for this run: the first tasks show the cause for the others. */
  private withinBudget(runId: string, nodes: Record<string, string>): Testimony['hashDetails'] {
    if (this.told.runId !== runId) this.told = { runId, bytes: 0 };
    if (this.told.bytes > LIMITS.driftDetailsBytes.value) return null;
    const entries = Object.entries(nodes).slice(0, MAX_DETAILS);
    for (const [name, hash] of entries) this.told.bytes += name.length + hash.length;
    return Object.fromEntries(entries);
  }
}
