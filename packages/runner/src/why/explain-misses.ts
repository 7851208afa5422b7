import { matchFiles } from '@org/dte-nx-compat';
import type { LimitValues } from '@org/dte-protocol';
import type { Miss } from '@org/dte-report';
import { changedFiles, type ChangedFile } from './changed-files';
import { InputComparison, type Nearest } from './compare-inputs';
import { describeMiss, type BothCommands, type Ran } from './describe-miss';
import type { BookRun, InputBook } from './input-book';
import type { Pause } from './pause';

/** A task of a command. */
export interface ExplainedTask {
  readonly id: string;
  readonly cacheable: boolean;
  /** It ran, to its end. */
  readonly ran: boolean;
  readonly dependencies: readonly string[];
}

export interface ExplainOptions {
  readonly tasks: readonly ExplainedTask[];
  /** Folder of a project. */
  readonly rootOf: (project: string) => string | undefined;
  readonly workspaceRoot: string;
  readonly limits: Pick<LimitValues, 'gitCommandMs'>;
  readonly skipNxCache: boolean;
  readonly book: InputBook;
  /** This command, in the book. */
  readonly run: BookRun;
  readonly pause: Pause;
}

const SKIPPED: Miss = { kind: 'uncached', text: 'the command uses no cache (--skip-nx-cache)', inputs: [] };
const FIRST: Miss = { kind: 'new', text: 'first run that is known', inputs: [] };

/** Why the tasks of a command ran that a cache might have had. */
export class MissExplainer {
  private readonly comparison: InputComparison;
  private readonly files = new Map<BookRun, ChangedFile[] | null>();
  private readonly matched = new Map<string, readonly string[]>();
  private readonly misses = new Map<string, Miss>();

  private readonly tasks: ReadonlyMap<string, ExplainedTask>;

  constructor(private readonly options: ExplainOptions) {
    this.tasks = new Map(options.tasks.map((task) => [task.id, task]));
    this.comparison = new InputComparison(options.book, options.run);
  }

  /** Each task after those that it depends on: their reasons are part of its own. */
  async *explain(): AsyncGenerator<{ readonly taskId: string; readonly miss: Miss }> {
    for (const { id: taskId, cacheable, ran } of dependenciesFirst(this.tasks)) {
      if (!ran || !cacheable) continue;
      await this.options.pause();
      const miss = await this.missOf(taskId);
      this.misses.set(taskId, miss);
      yield { taskId, miss };
    }
  }

  private async missOf(taskId: string): Promise<Miss> {
    const { skipNxCache, run, rootOf } = this.options;
    if (skipNxCache) return SKIPPED;
    if (!run.tasks.has(taskId)) return this.untold(taskId);
    const nearest = this.comparison.nearest(taskId);
    if (nearest === null) return FIRST;
    if (nearest.task.hash === run.tasks.get(taskId)?.hash) return knownHash(nearest);
    const both = {
      files: await this.filesSince(nearest.run),
      packagesThen: nearest.run.packages,
      packagesNow: run.packages,
      rootOf,
      match: this.matchSince(nearest.run),
    };
    return describeMiss(nearest.differing, both, this.ranBefore(taskId));
  }

  /** Its hash was computed by the agent that ran it, because outputs of others are inputs. */
  private untold(taskId: string): Miss {
    const [first] = this.ranBefore(taskId);
    if (first === undefined)
      return { kind: 'unknown', text: 'its inputs are not known to the main job', inputs: [] };
    const { taskId: needed, cause } = first;
    const because = cause === null ? '' : `: ${cause}`;
    return {
      kind: 'unknown',
      text: `it was hashed after ${needed}, which ran${because}`,
      inputs: cause === null ? [] : [cause],
    };
  }

  private ranBefore(taskId: string): Ran[] {
    return (this.tasks.get(taskId)?.dependencies ?? [])
      .filter((id) => this.tasks.get(id)?.ran === true)
      .map((id) => ({ taskId: id, cause: this.causeOf(id) }))
      .sort((a, b) => Number(a.cause === null) - Number(b.cause === null));
  }

  private causeOf(taskId: string): string | null {
    const miss = this.misses.get(taskId);
    return miss === undefined ? null : (miss.inputs[0] ?? miss.text);
  }

  /** Many tasks have an input in common. */
  private matchSince(run: BookRun): BothCommands['match'] {
    return (patterns, paths) => {
      const key = JSON.stringify([run.runId, patterns]);
      const found = this.matched.get(key) ?? matchFiles(patterns, paths, this.options.workspaceRoot);
      this.matched.set(key, found);
      return found;
    };
  }

  private async filesSince(run: BookRun): Promise<ChangedFile[] | null> {
    const known = this.files.get(run);
    if (known !== undefined) return known;
    const { workspaceRoot, limits } = this.options;
    const files = await changedFiles(workspaceRoot, run.tree, this.options.run.tree, limits);
    this.files.set(run, files);
    return files;
  }
}

function knownHash({ task: { ended } }: Nearest): Miss {
  const same = 'it ran with the same inputs before';
  const text = {
    success: `${same}, but no cache that is used here keeps that result`,
    failure: `${same} and failed, and failures are not cached`,
    stopped: `${same}, and was stopped`,
  }[ended];
  return { kind: 'evicted', text, inputs: [text] };
}

function dependenciesFirst(tasks: ReadonlyMap<string, ExplainedTask>): ExplainedTask[] {
  const done = new Set<ExplainedTask>();
  const open = new Set<ExplainedTask>();
  for (const root of tasks.values()) {
    const stack = [root];
    for (let task = stack.at(-1); task !== undefined; task = stack.at(-1)) {
      open.add(task);
      const needed = task.dependencies
        .map((id) => tasks.get(id))
        .filter((other) => other !== undefined)
        .filter((other) => !done.has(other) && !open.has(other));
      if (needed.length > 0) {
        stack.push(...needed);
        continue;
      }
      stack.pop();
      done.add(task);
    }
  }
  return [...done];
}
