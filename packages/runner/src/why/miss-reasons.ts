import { readCheckout } from '@org/dte-agent';
import type { NxProjectGraph, NxStatuses, NxTaskStatus, TaskGraph } from '@org/dte-nx-compat';
import { plural, type LimitValues } from '@org/dte-protocol';
import { missReasonsOf, type Miss, type MissReason } from '@org/dte-report';
import { setTimeout } from 'node:timers/promises';
import { git } from '../git/git';
import { repositoryPrefix } from '../git/prefix';
import { addToBook, readBook } from './book-file';
import { installedPackages } from './changed-packages';
import { MissExplainer, type ExplainedTask } from './explain-misses';
import { InputBook, type BookRun, type BookTask, type Tree } from './input-book';
import { OutOfTime, pausing, resting, type Pause } from './pause';
import { InputRecorder } from './record-inputs';

export interface MissReasonsOptions {
  readonly runId: string;
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  readonly workspaceRoot: string;
  readonly limits: LimitValues;
  /** The commit that is checked out, if that is known already. */
  readonly commit: string | null;
  readonly skipNxCache: boolean;
  readonly verbose: boolean;
  /** The inputs of earlier pipelines. */
  readonly historyFile: string;
  /** The inputs of this session, for the artifacts of its job. */
  readonly sessionFile: string;
  readonly onMiss: (taskId: string, miss: Miss) => void;
  readonly line: (text: string) => void;
}

/** Reasons that a verbose command prints. Not configurable: `dte why` shows all of them. */
const MOST_LINES = 5;

/**
 * Finds out why tasks of a command were not cached, and keeps the inputs of its tasks for the next ones. It never fails a command:
 * what goes wrong is a line of a verbose log.
 */
export class MissReasons {
  private readonly tree: Promise<Tree | null>;
  private readonly history: Promise<InputBook>;
  private readonly news = new InputBook();
  private readonly recorder = new InputRecorder(this.news);
  private readonly untilOver = new AbortController();
  private readonly recording: Promise<void>;

  /** Create it when the command begins: tasks change files. */
  constructor(private readonly options: MissReasonsOptions) {
    this.tree = readTree(options).catch(() => null);
    this.history = this.readHistory();
    // What is not recorded when the command is over is recorded then.
    this.recording = this.record(resting(this.untilOver.signal)).catch(() => undefined);
  }

  /** Call it when the command is over. It takes `missReasonsMs` at most. */
  async finish(statuses: NxStatuses): Promise<void> {
    const { missReasonsMs } = this.options.limits;
    this.untilOver.abort();
    await this.recording;
    const time = new AbortController();
    const work = this.write(statuses, pausing(Date.now() + missReasonsMs, time.signal));
    // It may still wait for git or the disk when nobody waits for it any more.
    work.catch(() => undefined);
    const tooLong = setTimeout(missReasonsMs, undefined, { signal: time.signal }).then(() => {
      throw new OutOfTime();
    });
    try {
      await Promise.race([work, tooLong]);
    } catch (thrown) {
      this.trouble(thrown instanceof OutOfTime ? 'there was no time left' : String(thrown));
    } finally {
      time.abort();
      tooLong.catch(() => undefined);
    }
  }

  private async write(statuses: NxStatuses, pause: Pause): Promise<void> {
    const { runId, historyFile, sessionFile, projectGraph } = this.options;
    const book = await this.history;
    const { news } = this;
    await this.record(pause);
    const run = this.recorder.finish(
      { runId, atMs: Date.now(), tree: await this.tree, packages: installedPackages(projectGraph) },
      (taskId) => ENDED[statuses[taskId] ?? 'skipped'] ?? null,
    );
    book.adopt(news, run, () => true);
    const adopted = book.runs.at(-1);
    const inBook = adopted?.runId === run.runId ? adopted : { ...run, tasks: new Map(), values: new Map() };
    const rootOf = (project: string): string | undefined => projectGraph.nodes[project]?.data.root;
    const tasks = this.tasks(statuses);
    const explainer = new MissExplainer({ ...this.options, tasks, rootOf, book, run: inBook, pause });
    const misses: { readonly id: string; readonly miss: Miss }[] = [];
    for await (const { taskId, miss } of explainer.explain()) {
      this.options.onMiss(taskId, miss);
      misses.push({ id: taskId, miss });
    }
    if (this.options.verbose) this.say(missReasonsOf({ tasks: misses }));
    await addToBook(sessionFile, news);
    if (tellsMore(book, inBook)) await addToBook(historyFile, news);
  }

  private tasks(statuses: NxStatuses): ExplainedTask[] {
    const { tasks, dependencies } = this.options.graph;
    return Object.values(tasks).map(({ id, cache }) => ({
      id,
      cacheable: cache === true,
      ran: statuses[id] === 'success' || statuses[id] === 'failure',
      dependencies: (dependencies[id] ?? []).map((edge) => edge.id),
    }));
  }

  /** Tasks that no cache may have are of no interest. */
  private async record(pause: Pause): Promise<void> {
    for (const task of Object.values(this.options.graph.tasks)) {
      await pause();
      if (task.cache === true) this.recorder.add(task);
    }
  }

  private say(reasons: readonly MissReason[]): void {
    const { line } = this.options;
    for (const { text, tasks } of reasons.slice(0, MOST_LINES)) {
      const others = tasks.length === 1 ? '' : ` and ${plural(tasks.length - 1, 'other task')}`;
      line(`dte: not cached: ${tasks[0] ?? ''}${others}: ${text}`);
    }
    const more = reasons.length - MOST_LINES;
    if (more > 0) line(`dte: and for ${plural(more, 'more reason')}: see \`dte why\``);
  }

  private readHistory(): Promise<InputBook> {
    const { historyFile, line } = this.options;
    return readBook(historyFile).catch(() => {
      line(`dte: ${historyFile} is damaged and is not used: the inputs of earlier pipelines are not known`);
      return new InputBook();
    });
  }

  private trouble(why: string): void {
    if (this.options.verbose) this.options.line(`dte: why tasks were not cached is not known: ${why}`);
  }
}

/** Whether a later command can learn anything from this one. */
const tellsMore = (book: InputBook, run: BookRun): boolean =>
  [...run.tasks].some(([id, { hash, ended }]) =>
    book.runs.every((other) => {
      const known = other === run ? undefined : other.tasks.get(id);
      return known?.hash !== hash || known.ended !== ended;
    }),
  );

const ENDED: Readonly<Partial<Record<NxTaskStatus, BookTask['ended']>>> = {
  success: 'success',
  'local-cache': 'success',
  'local-cache-kept-existing': 'success',
  'remote-cache': 'success',
  failure: 'failure',
  stopped: 'stopped',
};

async function readTree({ workspaceRoot, limits, commit }: MissReasonsOptions): Promise<Tree | null> {
  const [head, checkout] = await Promise.all([
    commit ?? git(workspaceRoot, ['rev-parse', '--verify', 'HEAD'], limits.driftCommandMs),
    readCheckout(workspaceRoot, limits, repositoryPrefix(workspaceRoot, limits.driftCommandMs)),
  ]);
  // Of an incomplete list, some files would seem to be as committed.
  if (head === null || checkout?.complete !== true) return null;
  return { commit: head.trim(), changes: checkout.changes };
}
