import type { Evidence, TaskHistory } from '../history';

/** One adapter under test, empty. */
export interface TaskHistoryUnderTest {
  readonly history: TaskHistory;
  cleanUp(): Promise<void>;
}

const DAY_MS = 86_400_000;
const LIMITS = { flakyMs: 14 * DAY_MS, historyEntries: 50 };

const evidence = (status: Evidence['status'], hash: string, atMs: number, taskId = 'app:e2e'): Evidence => ({
  taskId,
  hash,
  status,
  atMs,
});
const success = evidence.bind(null, 'success');
const failure = evidence.bind(null, 'failure');

const flakyIn = async (history: TaskHistory, nowMs = 10, project = 'p1'): Promise<string[]> =>
  (await history.flaky(project, nowMs)).map(({ taskId }) => taskId);

/** The contract of every history. */
export function historyContract(
  adapter: string,
  create: (limits: { flakyMs: number; historyEntries: number }) => Promise<TaskHistoryUnderTest>,
): void {
  describe(`history: ${adapter}`, () => {
    let subject: TaskHistoryUnderTest;
    beforeEach(async () => {
      subject = await create(LIMITS);
    });
    afterEach(async () => {
      await subject.history.close();
      await subject.cleanUp();
    });

    saysWhatIsFlaky(() => subject.history);
    forgets(() => subject.history);
  });
}

function saysWhatIsFlaky(history: () => TaskHistory): void {
  it('considers a task flaky that failed and then succeeded with one hash, or the reverse', async () => {
    await history().note('p1', [failure('1', 1), failure('2', 1, 'lib:test')]);
    expect(await flakyIn(history())).toEqual([]);
    await history().note('p1', [success('2', 3, 'lib:test'), success('1', 2)]);
    expect(await flakyIn(history())).toEqual(['lib:test', 'app:e2e']);
    await history().note('p1', [success('3', 4, 'web:e2e'), failure('3', 5, 'web:e2e')]);
    expect(await flakyIn(history())).toEqual(['web:e2e', 'lib:test', 'app:e2e']);
  });

  it('does not consider a fixed task flaky: its hash differs', async () => {
    await history().note('p1', [failure('1', 1), success('2', 2)]);
    expect(await flakyIn(history())).toEqual([]);
  });

  it('returns hash and times of the latest evidence, and each task once', async () => {
    await history().note('p1', [failure('1', 1), success('1', 2), failure('2', 3), success('2', 4)]);
    expect(await history().flaky('p1', 10)).toEqual([
      { taskId: 'app:e2e', hash: '2', failedAtMs: 3, succeededAtMs: 4 },
    ]);
  });

  it('separates projects', async () => {
    await history().note('p1', [failure('1', 1)]);
    await history().note('p2', [success('1', 2)]);
    expect([
      await flakyIn(history(), 10, 'p1'),
      await flakyIn(history(), 10, 'p2'),
      await flakyIn(history(), 10, 'p3'),
    ]).toEqual([[], [], []]);
  });

  it('accepts concurrent records', async () => {
    const notes = Array.from({ length: 20 }, (_, index) => [
      history().note('p1', [failure(`h${index}`, 1, `t${index}:e2e`)]),
      history().note('p1', [success(`h${index}`, 2, `t${index}:e2e`)]),
    ]);
    await Promise.all(notes.flat());
    expect(await flakyIn(history())).toHaveLength(20);
  });
}

function forgets(history: () => TaskHistory): void {
  it('forgets after 14 days, even if the task succeeds every day', async () => {
    await history().note('p1', [failure('1', 0), success('1', 1)]);
    for (let day = 1; day < 14; day++) await history().note('p1', [success('1', day * DAY_MS)]);
    expect(await flakyIn(history(), 14 * DAY_MS)).toEqual(['app:e2e']);
    expect(await flakyIn(history(), 14 * DAY_MS + 1)).toEqual([]);
  });

  it('remembers a success while it recurs, however old the first one is', async () => {
    for (let day = 0; day < 20; day++) await history().note('p1', [success('1', day * DAY_MS)]);
    await history().note('p1', [failure('1', 20 * DAY_MS)]);
    expect(await flakyIn(history(), 21 * DAY_MS)).toEqual(['app:e2e']);
  });

  it('evicts the oldest when there is too much, and evidence of flakiness last', async () => {
    await history().note('p1', [failure('1', 1), success('1', 2)]);
    await history().note('p1', [failure('old', 3, 'lib:test')]);
    const many = Array.from({ length: LIMITS.historyEntries }, (_, index) => failure(`m${index}`, 4));
    await history().note('p1', many);
    await history().note('p1', [success('old', 5, 'lib:test')]);
    expect(await flakyIn(history())).toEqual(['app:e2e']);
  });
}
