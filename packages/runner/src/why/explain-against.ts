import { DteError, type LimitValues } from '@org/dte-protocol';
import type { Miss, SessionModel } from '@org/dte-report';
import { readBook, sessionBookOf } from './book-file';
import { MissExplainer } from './explain-misses';
import { InputBook } from './input-book';
import { readOtherReport } from './other-report';

export interface AgainstOptions {
  readonly dataDir: string;
  readonly workspaceRoot: string;
  readonly limits: Pick<LimitValues, 'gitCommandMs'>;
  readonly sessionId: string;
  /** One command of the session. */
  readonly run: SessionModel['runs'][number];
  /** Another report, see `readOtherReport`. */
  readonly against: string;
  readonly rootOf: (project: string) => string | undefined;
}

/**
 * Why the tasks of a command ran, compared with the commands of another report.
 * @throws DteError DTE_NO_REPORT if the inputs of one of both are not there
 */
export async function explainAgainst(options: AgainstOptions): Promise<ReadonlyMap<string, Miss>> {
  const { dataDir, sessionId, run, against } = options;
  const other = await readOtherReport(against);
  const ownPath = sessionBookOf(dataDir, sessionId);
  const own = await readBook(ownPath).catch((thrown: unknown) => {
    throw new DteError('DTE_NO_REPORT', `${ownPath} is damaged.`, { cause: thrown });
  });
  const recorded = own.runs.find(({ runId }) => runId === run.runId);
  if (recorded === undefined)
    throw new DteError(
      'DTE_NO_REPORT',
      `The inputs of \`${run.command}\` were not recorded: they are not in ${ownPath}.`,
    );
  // Not merged: of the same hash in both, only the later command would stay.
  const book = new InputBook();
  // The other report may be an earlier copy of this one.
  const others = other.runs.filter(({ runId }) => runId !== run.runId);
  for (const each of others) book.adopt(other, each, () => true);
  book.adopt(own, recorded, () => true);
  const compared = book.runs.find(({ runId }) => runId === run.runId) ?? recorded;
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
