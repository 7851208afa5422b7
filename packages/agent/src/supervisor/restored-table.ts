import { type Artifact, type ClosureEntry } from '@org/dte-protocol';
import { identityOf } from '../shared-outputs/artifact-identity';
import { type Claim, claimsOf, OutputTree } from '../shared-outputs/output-tree';

/** What must happen before a task can run, for this executor. */
export interface RestorePlan {
  readonly restore: ClosureEntry[];
  readonly awaiting: ClosureEntry[];
}

/** What the restore of a task has left: `kept` and `seen` as in `OthersThere`. */
export interface RestoredHere {
  readonly taskId: string;
  readonly ok: boolean;
  readonly outputs: readonly string[];
  readonly kept?: readonly string[];
  readonly seen?: readonly string[];
}

interface Present {
  readonly identity: string;
  readonly runId: string;
  readonly outputs: readonly string[];
  /** A task that needs this one has changed its files: they are right only for those that need that one as well. */
  readonly under?: string;
}

interface InFlight {
  readonly runId: string;
  readonly executorId: number;
  readonly identity: string;
  readonly awaitedBy: Set<number>;
}

/**
 * Which artifacts are on this machine's disk, shared by its executors: a dependency of a hundred tasks is restored
 * once. A task whose outputs overlap another's replaces that entry (`build` and `build:production` write to the same
 * folder); otherwise, the second would treat the first's files as its own.
 */
export class RestoredTable {
  private readonly present = new Map<string, Present>();
  private readonly inFlight = new Map<string, InFlight>();
  /** Where each task that was ever here has its outputs. */
  private readonly claims = new Map<string, readonly Claim[]>();
  private readonly tree = new OutputTree();

  /**
   * Splits a closure into what is on disk, what this executor restores and what another one is restoring.
   * @param closure dependencies before dependents: outputs inside those of a restored task are restored after it
   */
  plan(executorId: number, runId: string, closure: readonly ClosureEntry[]): RestorePlan {
    const plan: RestorePlan = { restore: [], awaiting: [] };
    const wanted = new Map(closure.map((entry) => [entry.taskId, identityOf(runId, entry.artifact)]));
    for (const entry of closure) {
      if (entry.artifact.kind === 'none') continue;
      const identity = identityOf(runId, entry.artifact);
      if (this.isThere(entry.taskId, wanted)) continue;
      const other = this.inFlight.get(entry.taskId);
      if (other?.identity === identity && other.executorId !== executorId) {
        other.awaitedBy.add(executorId);
        plan.awaiting.push(entry);
      } else {
        this.inFlight.set(entry.taskId, { executorId, runId, identity, awaitedBy: new Set() });
        plan.restore.push(entry);
      }
      for (const claim of this.claims.get(entry.taskId) ?? [])
        for (const other of this.tree.overlapping(claim)) this.drop(other);
    }
    return plan;
  }

  /** Whether an earlier run has left one of these here. */
  leftEarlier(runId: string, closure: readonly ClosureEntry[]): boolean {
    return closure.some(({ taskId }) => (this.present.get(taskId)?.runId ?? runId) !== runId);
  }

  /** An executor has restored a member, or failed to. Returns the executors that await it. */
  restored(executorId: number, { taskId, ok, ...here }: RestoredHere): number[] {
    const flight = this.inFlight.get(taskId);
    // An executor that awaited it and then restored it itself is not in the table; recording it the next time is harmless.
    if (flight?.executorId !== executorId) return [];
    this.inFlight.delete(taskId);
    if (ok) this.put(taskId, flight, here);
    else this.drop(taskId);
    return [...flight.awaitedBy];
  }

  /** A task starts: its existing outputs are about to be replaced. */
  began(taskId: string): void {
    this.drop(taskId);
  }

  /** A task ran here: its outputs need no restoring. */
  produced(runId: string, taskId: string, artifact: Artifact, outputs: readonly string[]): void {
    if (artifact.kind !== 'none')
      this.put(taskId, { runId, identity: identityOf(runId, artifact) }, { outputs });
  }

  /** A task that was running has left these outputs in an unknown state. */
  spoiled(outputs: readonly string[]): void {
    for (const claim of claimsOf(outputs)) for (const other of this.tree.overlapping(claim)) this.drop(other);
  }

  /** A task was running, and it is not known where its outputs are: all outputs are restored again. */
  forget(): void {
    for (const taskId of [...this.present.keys()]) this.drop(taskId);
  }

  /** An executor has exited or is idle. Returns its unfinished restores, with the executors that await them. */
  abandon(executorId: number): { taskId: string; awaitedBy: number[] }[] {
    const abandoned: { taskId: string; awaitedBy: number[] }[] = [];
    for (const [taskId, flight] of this.inFlight) {
      flight.awaitedBy.delete(executorId);
      if (flight.executorId !== executorId) continue;
      this.inFlight.delete(taskId);
      this.drop(taskId);
      abandoned.push({ taskId, awaitedBy: [...flight.awaitedBy] });
    }
    return abandoned;
  }

  private isThere(taskId: string, wanted: ReadonlyMap<string, string>): boolean {
    const entry = this.present.get(taskId);
    if (entry === undefined || entry.identity !== wanted.get(taskId)) return false;
    return entry.under === undefined || this.isThere(entry.under, wanted);
  }

  private put(
    taskId: string,
    { runId, identity }: Pick<Present, 'runId' | 'identity'>,
    { outputs, kept = [], seen = [] }: Omit<RestoredHere, 'taskId' | 'ok'>,
  ): void {
    this.drop(taskId);
    const claims = claimsOf(outputs);
    for (const claim of claims) {
      for (const other of this.tree.overlapping(claim)) {
        const entry = this.present.get(other);
        // What another run has left is not known to the outputs that this one shares.
        if (entry?.runId === runId && kept.includes(other)) continue;
        if (entry?.runId === runId && seen.includes(other))
          this.present.set(other, { ...entry, under: taskId });
        else this.drop(other);
      }
    }
    for (const claim of claims) this.tree.add(taskId, claim);
    this.claims.set(taskId, claims);
    this.present.set(taskId, { identity, runId, outputs });
  }

  private drop(taskId: string): void {
    const entry = this.present.get(taskId);
    if (entry === undefined) return;
    this.present.delete(taskId);
    for (const claim of claimsOf(entry.outputs)) this.tree.remove(taskId, claim);
    for (const [other, { under }] of this.present) if (under === taskId) this.drop(other);
  }
}
