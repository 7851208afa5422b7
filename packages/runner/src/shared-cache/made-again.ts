import { type NxTask, type TaskGraph } from '@org/dte-nx-compat';
import type { CacheOrigin, DteError, EndedEntry, ErrorCode } from '@org/dte-protocol';
import type { Ending } from '../tasks/leftovers';

/** One run with one task that has to run, and what it needs. */
export interface AgainRun {
  readonly task: NxTask;
  /** Its direct and indirect dependencies: their results are with the coordinator. */
  readonly needs: readonly NxTask[];
}

export interface MadeAgainOptions {
  readonly graph: TaskGraph;
  /** It has no result of its own (`nx:noop`). */
  readonly isGroup: (taskId: string) => boolean;
  /** Whether there is an agent that can run something. */
  readonly hasAgents: () => boolean;
  /** How a task ended; undefined: it has not. */
  readonly endingOf: (taskId: string) => Ending | undefined;
  /** The result of this task is just being taken over, which ends by itself. */
  readonly whenTaken: (taskId: string) => Promise<void>;
  readonly askHeld: (hashes: readonly string[]) => Promise<ReadonlyMap<string, CacheOrigin | null>>;
  /** @returns how the task ended; null: no agent has run it */
  readonly run: (run: AgainRun) => Promise<EndedEntry | null>;
}

/** What a reader of the shared cache meets when an entry is not what it was, or was removed because of that. */
const DAMAGED: readonly ErrorCode[] = ['DTE_ARTIFACT_DAMAGED', 'DTE_ARTIFACT_MISSING'];
/** Each is a run of its own. Not configurable: few fleets have more slots, and a store in which more is damaged is a rare one. */
const AT_ONCE = 32;

export const isDamage = (code: ErrorCode | undefined): boolean =>
  code !== undefined && DAMAGED.includes(code);

/**
 * A result of the shared cache that turns out to be damaged is made again by an agent of this pipeline, so that it is stored for later
 * ones; and so are the tasks that could not run because of it. What no agent can make is left to this job, as ever.
 */
export class MadeAgain {
  private readonly tried = new Set<string>();
  private readonly waiting: (() => void)[] = [];
  private running = 0;
  private isOver = false;

  constructor(private readonly options: MadeAgainOptions) {}

  /** Nothing more is made again. */
  stop(): void {
    this.isOver = true;
  }

  /** @returns how the task ended on its agent; null: this job has to run it. Never rejects. */
  async make(task: NxTask, { code }: Pick<DteError, 'code'>): Promise<EndedEntry | null> {
    if (!isDamage(code) || this.tried.has(task.id)) return null;
    this.tried.add(task.id);
    try {
      const needs = await this.needsOf(task);
      return needs === null ? null : await this.inTurn(() => this.options.run({ task, needs }));
    } catch {
      return null;
    }
  }

  /** Null: not all of them are there. */
  private async needsOf({ id }: NxTask): Promise<NxTask[] | null> {
    const { graph, isGroup, endingOf, whenTaken, askHeld } = this.options;
    const all = closureOf(graph, id);
    if (all === null) return null;
    const ids = all.filter((each) => !isGroup(each));
    await Promise.all(ids.map((each) => whenTaken(each)));
    if (ids.some((each) => endingOf(each) !== 'success')) return null;
    const needs = ids.flatMap((each) => graph.tasks[each] ?? []);
    const hashes = needs.map(({ hash = '' }) => hash);
    if (hashes.includes('')) return null;
    const held = await askHeld(hashes);
    if (!hashes.every((hash) => held.has(hash))) return null;
    return all.flatMap((each) => graph.tasks[each] ?? []);
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T | null> {
    while (this.running >= AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.isOver || !this.options.hasAgents()) return this.next(null);
    this.running += 1;
    try {
      return await work();
    } finally {
      this.running -= 1;
      this.next(null);
    }
  }

  private next<T>(result: T): T {
    this.waiting.shift()?.();
    return result;
  }
}

/** The direct and indirect dependencies of a task; null if there are servers among them, which have no results. */
function closureOf(graph: TaskGraph, taskId: string): string[] | null {
  const found = new Set([taskId]);
  for (const id of found) {
    if ((graph.continuousDependencies[id] ?? []).length > 0) return null;
    for (const { id: needed } of graph.dependencies[id] ?? []) found.add(needed);
  }
  found.delete(taskId);
  return [...found];
}
