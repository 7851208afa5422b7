import { DteError, type LimitValues } from '@org/dte-protocol';
import type { Miss, SessionModel } from '@org/dte-report';
import { existsSync } from 'node:fs';
import { BOOK_SUFFIX, readBook, sessionBookOf } from './book-file';
import { MissExplainer } from './explain-misses';
import { mergeBooks } from './input-book';

export interface AgainstOptions {
  readonly dataDir: string;
  readonly workspaceRoot: string;
  readonly limits: Pick<LimitValues, 'gitCommandMs'>;
  readonly sessionId: string;
  /** One command of the session. */
  readonly run: SessionModel['runs'][number];
  /** The events of a report, or the inputs next to them. */
  readonly against: string;
  readonly rootOf: (project: string) => string | undefined;
}

/**
 * Why the tasks of a command ran, compared with the commands of another report.
 * @throws DteError DTE_NO_REPORT if the inputs of one of both are not there
 */
export async function explainAgainst(options: AgainstOptions): Promise<ReadonlyMap<string, Miss>> {
  const { dataDir, sessionId, run, against } = options;
  const own = await bookAt(sessionBookOf(dataDir, sessionId));
  const other = await bookAt(against.endsWith('.jsonl') ? against.replace(/\.jsonl$/, BOOK_SUFFIX) : against);
  const recorded = own.runs.find(({ runId }) => runId === run.runId);
  if (recorded === undefined)
    throw new DteError('DTE_NO_REPORT', `The inputs of \`${run.command}\` were not recorded.`);
  // Every hash is kept: nothing is written, and the command itself must stay.
  const book = mergeBooks([other, own], Infinity);
  const compared = book.runs.find(({ runId }) => runId === run.runId) ?? recorded;
  const others = new Set(other.runs.map(({ runId }) => runId));
  const isWanted = ({ runId }: { readonly runId: string }): boolean => others.has(runId);
  book.runs.splice(0, book.runs.length, ...book.runs.filter(isWanted));
  const tasks = run.tasks.map(({ id, cacheable, status, from, dependencies }) => ({
    id,
    cacheable,
    ran: from === null && (status === 'success' || status === 'failure'),
    dependencies: dependencies.map((index) => run.tasks[index]?.id ?? ''),
  }));
  const pause = (): Promise<void> => Promise.resolve();
  const explainer = new MissExplainer({
    ...options,
    tasks,
    skipNxCache: false,
    book,
    run: compared,
    pause,
  });
  const misses = new Map<string, Miss>();
  for await (const { taskId, miss } of explainer.explain()) misses.set(taskId, miss);
  return misses;
}

async function bookAt(path: string): Promise<Awaited<ReturnType<typeof readBook>>> {
  if (!existsSync(path))
    throw new DteError(
      'DTE_NO_REPORT',
      `There are no inputs of tasks at ${path}: a report has them next to its events.`,
    );
  try {
    return await readBook(path);
  } catch (thrown) {
    throw DteError.from(thrown, 'DTE_NO_REPORT');
  }
}
