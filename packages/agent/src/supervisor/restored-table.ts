import { type Artifact, type ClosureEntry } from '@org/dte-protocol';
import { identityOf } from '../shared-outputs/artifact-identity';
import { type Claim, claimsOf, OutputTree } from '../shared-outputs/output-tree';

/** What must happen before a task can run, for this executor. */
export interface RestorePlan {
  readonly restore: ClosureEntry[];
  readonly awaiting: ClosureEntry[];
}

interface InFlight {
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
  private readonly present = new Map<string, { identity: string; outputs: readonly string[] }>();
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
    for (const entry of closure) {
      if (entry.artifact.kind === 'none') continue;
      const identity = identityOf(runId, entry.artifact);
      if (this.present.get(entry.taskId)?.identity === identity) continue;
      const other = this.inFlight.get(entry.taskId);
      if (other?.identity === identity && other.executorId !== executorId) {
        other.awaitedBy.add(executorId);
        plan.awaiting.push(entry);
      } else {
        this.inFlight.set(entry.taskId, { executorId, identity, awaitedBy: new Set() });
        plan.restore.push(entry);
      }
      for (const claim of this.claims.get(entry.taskId) ?? [])
        for (const other of this.tree.overlapping(claim)) this.drop(other);
    }
    return plan;
  }

  /** An executor has restored a member, or failed to. Returns the executors that await it. */
  restored(executorId: number, taskId: string, ok: boolean, outputs: readonly string[]): number[] {
    const flight = this.inFlight.get(taskId);
    // An executor that awaited it and then restored it itself is not in the table; recording it the next time is harmless.
    if (flight?.executorId !== executorId) return [];
    this.inFlight.delete(taskId);
    if (ok) this.put(taskId, flight.identity, outputs);
    else this.drop(taskId);
    return [...flight.awaitedBy];
  }

  /** A task starts: its existing outputs are about to be replaced. */
  began(taskId: string): void {
    this.drop(taskId);
  }

  /** A task ran here: its outputs need no restoring. */
  produced(runId: string, taskId: string, artifact: Artifact, outputs: readonly string[]): void {
    if (artifact.kind !== 'none') this.put(taskId, identityOf(runId, artifact), outputs);
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

  private put(taskId: string, identity: string, outputs: readonly string[]): void {
    this.drop(taskId);
    const claims = claimsOf(outputs);
    for (const claim of claims) {
      for (const other of this.tree.overlapping(claim)) this.drop(other);
    }
    for (const claim of claims) this.tree.add(taskId, claim);
    this.claims.set(taskId, claims);
    this.present.set(taskId, { identity, outputs });
  }

  private drop(taskId: string): void {
    const entry = this.present.get(taskId);
    if (entry === undefined) return;
    this.present.delete(taskId);
    for (const claim of claimsOf(entry.outputs)) this.tree.remove(taskId, claim);
  }
}
