import { type Artifact, type ClosureEntry } from '@org/dte-protocol';
import { identityOf } from '../shared-outputs/artifact-identity';
import { type Claim, claimsOf, OutputTree } from '../shared-outputs/output-tree';

/** What has to happen before a task can run, as this executor sees it. */
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
 * Which artifacts lie on this machine's disk, shared by its executors: a dependency of a hundred tasks is restored
 * once. A task whose outputs overlap another's takes that one's place (`build` and `build:production` write the same
 * folder), or the second would find the first's files and take them for its own.
 */
export class RestoredTable {
  private readonly present = new Map<string, { identity: string; outputs: readonly string[] }>();
  private readonly inFlight = new Map<string, InFlight>();
  /** Where each task that was ever here has its outputs. */
  private readonly claims = new Map<string, readonly Claim[]>();
  private readonly tree = new OutputTree();

  /**
   * Divides a closure into what is there, what this executor restores and what another one is restoring.
   * @param closure dependencies before dependants: what lies in the outputs of one that is restored is restored after it
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

  /** An executor restored a member, or could not. Returns the executors that await it. */
  restored(executorId: number, taskId: string, ok: boolean, outputs: readonly string[]): number[] {
    const flight = this.inFlight.get(taskId);
    // One that awaited and then did it itself is not in the table; what it did is harmless to note next time.
    if (flight?.executorId !== executorId) return [];
    this.inFlight.delete(taskId);
    if (ok) this.put(taskId, flight.identity, outputs);
    else this.drop(taskId);
    return [...flight.awaitedBy];
  }

  /** A task begins to run: what was there of it is about to be replaced. */
  began(taskId: string): void {
    this.drop(taskId);
  }

  /** A task ran here: its outputs need no restoring. */
  produced(runId: string, taskId: string, artifact: Artifact, outputs: readonly string[]): void {
    if (artifact.kind !== 'none') this.put(taskId, identityOf(runId, artifact), outputs);
  }

  /** An executor is gone or idle. Returns what it did not finish, with the executors that await it. */
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
