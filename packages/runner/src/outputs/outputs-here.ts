import { identityOf, type DiskKeeper, type SharedOutputs } from '@org/dte-agent';
import { madeOf } from '@org/dte-client';
import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { DteError, type Artifact, type ClosureEntry } from '@org/dte-protocol';
import type { Explainer } from '../report/explainer';
import { taskOf } from '../tasks/plan';
import type { Restored, Restorer } from './restore';
import type { RestorePolicy } from './restore-policy';
import type { RestoreOrder, RestoreQueue } from './restore-queue';

/** Outputs of a successful task that are not on this disk. */
export interface Absent {
  readonly task: NxTask;
  readonly artifact: Artifact;
  /** Size of the artifact; null if unknown. */
  readonly bytes: number | null;
}

export interface OutputsHereOptions {
  readonly runId: string;
  readonly graph: TaskGraph;
  readonly policy: RestorePolicy;
  readonly restorer: Restorer;
  readonly restores: RestoreQueue;
  /** Outputs to which several tasks write. */
  readonly shared: Pick<SharedOutputs, 'folder' | 'made' | 'overlapping'> & {
    restoring(task: NxTask, work: () => Promise<void>): Promise<unknown>;
  };
  readonly explainer: Explainer;
}

/**
 * Tracks which outputs are on the main job's disk: restores those that are wanted here, and records the others. The
 * main job's own worker also gets the outputs for its tasks from here, so that only one side writes to the workspace.
 */
export class OutputsHere implements DiskKeeper {
  private readonly left = new Map<string, Absent>();
  /** The latest restore (or decision not to) of each task. */
  private readonly taken = new Map<string, Promise<unknown>>();
  /** Restored for the worker before this job got the task's end. */
  private readonly early = new Map<
    string,
    { readonly identity: string; readonly restored: Promise<Restored> }
  >();
  /** Tasks that the worker is running. */
  private readonly running = new Map<string, { readonly over: Promise<void>; readonly settle: () => void }>();
  /** What the worker has made: task id -> identity of the artifact. */
  private readonly made = new Map<string, string>();

  constructor(private readonly options: OutputsHereOptions) {}

  /** A restore in progress here blocks tasks of the worker that would write to the same outputs, and vice versa. */
  get sharedFolder(): string {
    return this.options.shared.folder;
  }

  /** Outputs that were not downloaded, by task id. */
  get absent(): ReadonlyMap<string, Absent> {
    return this.left;
  }

  isLeft(task: NxTask): boolean {
    return this.options.policy.isLeft(task);
  }

  /** Takes over a success according to the policy. */
  take(task: NxTask, artifact: Artifact): Promise<Restored> {
    if (artifact.kind === 'none' || !this.isLeft(task) || this.isHere(task, artifact))
      return this.restore(task, artifact);
    const { policy, restorer, explainer } = this.options;
    const picked = policy.pickedOf(task);
    return this.placed(task, picked === null ? null : artifact, async () => {
      try {
        const { terminalOutput, bytes } = await restorer.leave(task, artifact, picked);
        this.left.set(task.id, { task, artifact, bytes });
        return { terminalOutput, from: null };
      } catch (thrown) {
        const error = DteError.from(thrown);
        // Unless the agent could not store it, or the artifact has another source: then it arrives with the outputs.
        if (error.code !== 'DTE_UNKNOWN_HASH') explainer.explain(error);
        return restorer.restore(task, artifact);
      }
    });
  }

  /** Takes over the outputs of a task regardless of the policy: people look at a failure's. */
  restore(task: NxTask, artifact: Artifact, ending: 'success' | 'failure' = 'success'): Promise<Restored> {
    const { restorer } = this.options;
    const early = this.early.get(task.id);
    if (early?.identity === this.identityOf(artifact)) return early.restored;
    return this.placed(task, artifact, () =>
      this.made.get(task.id) === this.identityOf(artifact)
        ? restorer.printed(task, artifact)
        : restorer.restore(task, artifact, ending),
    );
  }

  /** After everything that the task depends on is on this disk, or is not going to be. */
  inOrder<T>(task: NxTask, work: () => Promise<T>): Promise<T> {
    const taking = this.inTurn(task, work);
    this.taken.set(task.id, taking);
    return taking;
  }

  /** The same for a source that does not say where the outputs are. */
  inTurn<T>(task: NxTask, work: () => Promise<T>): Promise<T> {
    return this.queue(task, { after: this.dependenciesOf(task) }, work);
  }

  /**
   * Outputs do not need those of dependencies to be here, unless they are inside one another; people and Nx hear of the
   * dependencies first.
   * @param artifact what is downloaded; null: next to nothing
   */
  private placed<T>(task: NxTask, artifact: Artifact | null, work: () => Promise<T>): Promise<T> {
    const bytes = artifact === null ? 0 : madeOf(artifact)?.bytes;
    const taking = this.queue(task, { after: [], toldAfter: this.dependenciesOf(task), bytes }, work);
    this.taken.set(task.id, taking);
    return taking;
  }

  private dependenciesOf({ id }: NxTask): string[] {
    return (this.options.graph.dependencies[id] ?? []).map((dependency) => dependency.id);
  }

  private queue<T>(task: NxTask, order: RestoreOrder, work: () => Promise<T>): Promise<T> {
    const { shared, restores } = this.options;
    const overlapping = shared.overlapping(task.id);
    // Its attempt was lost here and repeated on an agent, and its processes have not exited yet; or another task writes
    // to the same outputs.
    const whenFree = async (): Promise<void> => {
      for (const id of [task.id, ...overlapping]) await this.running.get(id)?.over;
    };
    const restore = async (): Promise<T> => {
      // One may have begun while this waited for its place.
      await whenFree();
      const result: { of?: T } = {};
      await shared.restoring(task, async () => void (result.of = await work()));
      return result.of as T;
    };
    return restores.add(task.id, { ...order, after: [...order.after, ...overlapping], whenFree }, restore);
  }

  /** For the worker: the outputs of a dependency, once and in the same way as all others. */
  async bring({ taskId, artifact }: ClosureEntry): Promise<void> {
    if (artifact.kind === 'none') return;
    const task = taskOf(this.options.graph, taskId);
    for (;;) {
      if (this.made.get(taskId) === this.identityOf(artifact)) return;
      const taking = this.taken.get(taskId);
      if (taking === undefined) {
        this.early.set(taskId, {
          identity: this.identityOf(artifact),
          restored: this.restore(task, artifact),
        });
        continue;
      }
      await taking;
      if (this.left.delete(taskId)) void this.restore(task, artifact).catch(() => undefined);
      else if (this.taken.get(taskId) === taking) return;
    }
  }

  began(taskId: string): void {
    this.made.delete(taskId);
    let settle = (): void => undefined;
    const over = new Promise<void>((resolve) => (settle = resolve));
    this.running.set(taskId, { over, settle });
  }

  over(taskId: string, artifact: Artifact | null): void {
    const running = this.running.get(taskId);
    if (running === undefined) return;
    const end = (): void => {
      if (this.running.get(taskId) === running) this.running.delete(taskId);
      running.settle();
    };
    if (artifact === null || artifact.kind === 'none') {
      end();
      return;
    }
    this.made.set(taskId, this.identityOf(artifact));
    // Restores of those that write there too begin when it is known what this one has left, and keep it.
    const { graph, shared } = this.options;
    void shared
      .made(taskOf(graph, taskId))
      .catch(() => undefined)
      .then(end);
  }

  private identityOf(artifact: Artifact): string {
    return identityOf(this.options.runId, artifact);
  }

  private isHere({ id }: NxTask, artifact: Artifact): boolean {
    const identity = this.identityOf(artifact);
    return this.made.get(id) === identity || this.early.get(id)?.identity === identity;
  }

  /**
   * Restores the direct and indirect dependencies of these tasks before they run here.
   * @param coordinatorLost nothing is available any more: requests would only cost the time of their retries
   * @returns ids of tasks whose outputs are no longer available; they must run here as well
   */
  async bringFor(taskIds: readonly string[], coordinatorLost: boolean): Promise<string[]> {
    const { graph, explainer } = this.options;
    const needed = new Set(taskIds);
    for (const id of needed)
      for (const { id: other } of [
        ...(graph.dependencies[id] ?? []),
        ...(graph.continuousDependencies[id] ?? []),
      ])
        needed.add(other);
    // In the order of the graph: dependencies first, which the queue relies on.
    const bringing = this.ordered(needed).map(async ({ task, artifact }) => {
      this.left.delete(task.id);
      if (coordinatorLost) return [task.id];
      try {
        await this.restore(task, artifact);
        return [];
      } catch (thrown) {
        explainer.explain(DteError.from(thrown));
        return [task.id];
      }
    });
    return (await Promise.all(bringing)).flat();
  }

  /** Those that were not downloaded, dependencies before dependents. */
  private ordered(ids: ReadonlySet<string>): Absent[] {
    const { graph } = this.options;
    const found: Absent[] = [];
    const seen = new Set<string>();
    const visit = (root: string): void => {
      const path = [{ id: root, next: 0 }];
      seen.add(root);
      for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
        const edge = (graph.dependencies[top.id] ?? [])[top.next++];
        if (edge === undefined) {
          const absent = this.left.get(taskOf(graph, top.id).id);
          if (absent !== undefined) found.push(absent);
          path.pop();
        } else if (!seen.has(edge.id)) {
          seen.add(edge.id);
          path.push({ id: edge.id, next: 0 });
        }
      }
    };
    for (const id of ids) if (!seen.has(id)) visit(id);
    return found;
  }
}
