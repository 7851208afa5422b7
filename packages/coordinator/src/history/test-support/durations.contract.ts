import type { Duration, DurationHistory, TaskKind } from '../durations';

/** One adapter under test, empty. */
export interface DurationHistoryUnderTest {
  readonly history: DurationHistory;
  cleanUp(): Promise<void>;
}

const DAY_MS = 86_400_000;
const LIMITS = { durationsMs: 90 * DAY_MS, durationEntries: 50 };

export const kind = (name: string): TaskKind => {
  const [project = '', target = '', configuration = null] = name.split(':');
  return { project, target, configuration };
};

/** @param name `project:target:configuration` */
export const took = (name: string, runMs: number, more: Partial<Duration> = {}): Duration => ({
  ...kind(name),
  agentClass: 'linux',
  runMs,
  cpuMs: null,
  peakBytes: null,
  outputBytes: 0,
  atMs: 1,
  ...more,
});

const expected = async (history: DurationHistory, name: string, agentClass: string | null = 'linux') => {
  const estimate = (await history.estimates('p1', DAY_MS)).of(kind(name), agentClass);
  return estimate === null ? null : ([estimate.ms, estimate.source, estimate.results] as const);
};

/** The contract of every history of durations. */
export function durationsContract(
  adapter: string,
  create: (limits: typeof LIMITS) => Promise<DurationHistoryUnderTest>,
): void {
  describe(`durations: ${adapter}`, () => {
    let subject: DurationHistoryUnderTest;
    beforeEach(async () => {
      subject = await create(LIMITS);
    });
    afterEach(async () => {
      await subject.history.close();
      await subject.cleanUp();
    });

    learns(() => subject.history);
    fallsBack(() => subject.history);
    forgets(() => subject.history);
  });
}

function learns(history: () => DurationHistory): void {
  it('knows nothing of a project at first, and nothing of other projects later', async () => {
    expect(await expected(history(), 'app:build')).toBeNull();
    await history().note('p2', [took('app:build', 5_000)]);
    expect(await expected(history(), 'app:build')).toBeNull();
    expect((await history().estimates('p2', 1)).results).toBe(1);
  });

  it('expects what was measured, and follows a change within a few runs', async () => {
    await history().note('p1', [took('app:build', 1_000)]);
    expect(await expected(history(), 'app:build')).toEqual([1_000, 'exact', 1]);
    for (let run = 0; run < 8; run++) await history().note('p1', [took('app:build', 8_000)]);
    const [ms = 0] = (await expected(history(), 'app:build')) ?? [];
    expect(ms).toBeGreaterThan(6_000);
    expect(ms).toBeLessThanOrEqual(8_000);
  });

  it('does not take one slow run for the truth', async () => {
    for (let run = 0; run < 10; run++) await history().note('p1', [took('app:build', 1_000)]);
    await history().note('p1', [took('app:build', 10_000)]);
    const [ms = 0] = (await expected(history(), 'app:build')) ?? [];
    expect(ms).toBeGreaterThan(1_000);
    expect(ms).toBeLessThan(2_100);
  });
}

function fallsBack(history: () => DurationHistory): void {
  it('asks the most exact first: agent, configuration, target, parts of a split target', async () => {
    await history().note('p1', [
      took('app:build', 4_000),
      took('app:build', 1_000, { agentClass: 'linux,fast' }),
      took('app:build:production', 9_000),
      took('lib:build', 100),
      took('web:build', 50_000),
      took('web:e2e-ci--a.cy.ts', 20_000),
      took('web:e2e-ci--b.cy.ts', 30_000),
      took('web:e2e-ci--c.cy.ts', 40_000),
      took('shop:e2e', 70_000),
    ]);
    expect(await expected(history(), 'app:build', 'linux,fast')).toEqual([1_000, 'exact', 1]);
    expect(await expected(history(), 'app:build', null)).toEqual([2_000, 'any-agent', 2]);
    expect(await expected(history(), 'app:build:staging')).toMatchObject([
      expect.any(Number),
      'any-configuration',
      3,
    ]);
    expect(await expected(history(), 'new:build')).toEqual([4_000, 'target', 5]);
    expect(await expected(history(), 'web:e2e-ci--new.cy.ts')).toEqual([30_000, 'parts', 3]);
    expect(await expected(history(), 'other:e2e--new.cy.ts')).toEqual([70_000, 'parts', 1]);
    expect(await expected(history(), 'app:deploy')).toBeNull();
  });
}

function forgets(history: () => DurationHistory): void {
  it('forgets what has not run for long, and what a clock far ahead has written', async () => {
    const now = 100 * DAY_MS;
    await history().note('p1', [took('old:build', 1_000, { atMs: DAY_MS })]);
    await history().note('p1', [took('app:test', 2_000, { atMs: now })]);
    await history().note('p1', [took('ahead:lint', 3_000, { atMs: now + 2 * DAY_MS })]);
    const known = await history().estimates('p1', now);
    expect(['old:build', 'app:test', 'ahead:lint'].map((name) => known.of(kind(name), 'linux')?.ms)).toEqual([
      undefined,
      2_000,
      undefined,
    ]);
  });

  it('keeps the latest entries when there are too many, and the latest kinds of agents of a task', async () => {
    for (let nth = 0; nth < 60; nth++)
      await history().note('p1', [took(`p${nth}:build`, 1_000, { atMs: nth + 1 })]);
    const known = await history().estimates('p1', 100);
    expect(known.results).toBeLessThanOrEqual(50);
    expect(known.of(kind('p59:build'), 'linux')?.source).toBe('exact');
    expect(known.of(kind('p0:build'), 'linux')?.source).toBe('target');

    const onMany = Array.from({ length: 20 }, (_, nth) =>
      took('app:test', 1_000, { agentClass: `job ${nth}`, atMs: 200 + nth }),
    );
    await history().note('p1', onMany);
    expect((await history().estimates('p1', 300)).of(kind('app:test'), null)?.results).toBe(4);
  });
}
