import { type Artifact, type ClosureEntry } from '@org/dte-protocol';
import { claimOf } from '../shared-outputs/sharing';

/** One string per artifact; the attempts of different runs differ. */
export const identityOf = (runId: string, artifact: Artifact): string => {
  switch (artifact.kind) {
    case 'cache':
      return `cache ${artifact.hash}`;
    case 'attempt':
      return `attempt ${runId} ${artifact.attempt}`;
    case 'none':
      return 'none';
  }
};

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

/** Folders of output paths, each knowing whose outputs are exactly there. */
class PathNode {
  readonly children = new Map<string, PathNode>();
  readonly owners = new Set<string>();
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
  private readonly claims = new Map<string, readonly string[][]>();
  private readonly root = new PathNode();

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
        for (const other of this.overlapping(claim)) this.drop(other);
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
    const claims = outputs.map(claimOf).filter((claim) => claim !== null);
    for (const claim of claims) {
      for (const other of this.overlapping(claim)) this.drop(other);
    }
    for (const claim of claims) {
      let node = this.root;
      for (const part of claim) {
        let next = node.children.get(part);
        if (next === undefined) node.children.set(part, (next = new PathNode()));
        node = next;
      }
      node.owners.add(taskId);
    }
    this.claims.set(taskId, claims);
    this.present.set(taskId, { identity, outputs });
  }

  private drop(taskId: string): void {
    const entry = this.present.get(taskId);
    if (entry === undefined) return;
    this.present.delete(taskId);
    for (const claim of entry.outputs.map(claimOf)) {
      if (claim !== null) release(this.root, claim, taskId);
    }
  }

  /** Whose outputs are at, above or below a path. */
  private overlapping(claim: readonly string[]): Set<string> {
    const found = new Set<string>();
    let node: PathNode | undefined = this.root;
    for (const part of claim) {
      for (const owner of node.owners) found.add(owner);
      node = node.children.get(part);
      if (node === undefined) return found;
    }
    const below = [node];
    for (const each of below) {
      for (const owner of each.owners) found.add(owner);
      below.push(...each.children.values());
    }
    return found;
  }
}

/** Takes an owner out and prunes what is empty then, so that the tree does not outgrow the table. */
function release(node: PathNode, claim: readonly string[], taskId: string): void {
  const [part, ...rest] = claim;
  if (part === undefined) {
    node.owners.delete(taskId);
    return;
  }
  const child = node.children.get(part);
  if (child === undefined) return;
  release(child, rest, taskId);
  if (child.owners.size === 0 && child.children.size === 0) node.children.delete(part);
}
