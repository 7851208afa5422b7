import {
  type Incident,
  type PlannedRun,
  runSpec,
  simulate,
  type SimulationPlan,
  taskSpec,
} from '@org/dte-testing';
import type { Placement, TaskSpec } from '@org/dte-protocol';
import fc from 'fast-check';
import { checkRun } from './graph';

const MAX_TASKS = 14;

/** Mutation testing runs a few sessions for each of thousands of mutants, always the same ones (SESSIONS, see tools/lib/mutation). */
const few = process.env['SESSIONS'];
const runs = (numRuns: number): fc.Parameters<unknown> =>
  few === undefined ? { numRuns } : { numRuns: Number(few), seed: 1, endOnFailure: true };

/** Random batches may wait for each other; such a graph gets no batches. */
function withoutBadBatches(list: TaskSpec[]): TaskSpec[] {
  if (checkRun(runSpec('r', list)) === null) return list;
  return list.map(({ batch: _batch, ...task }) => task);
}

/** Tasks that depend only on earlier ones: any acyclic graph. */
const tasks: fc.Arbitrary<TaskSpec[]> = fc
  .array(
    fc.record({
      dependencies: fc.uniqueArray(fc.nat(MAX_TASKS), { maxLength: 4 }),
      parallelism: fc.oneof({ weight: 5, arbitrary: fc.constant(true) }, fc.constant(false)),
      weight: fc.integer({ min: 1, max: 9 }),
      kind: fc.oneof(
        { weight: 6, arbitrary: fc.constant('pending') },
        fc.constantFrom('done', 'noop', 'server'),
      ),
      hashed: fc.boolean(),
      retries: fc.constantFrom(0, 0, 0, 1, 2),
      flakiness: fc.constantFrom('none' as const, 'watch' as const, 'retry' as const),
      placement: fc.option(fc.nat(2), { nil: undefined, freq: 2 }),
      batch: fc.option(fc.nat(2), { nil: undefined, freq: 2 }),
      twice: fc.boolean(),
    }),
    { maxLength: MAX_TASKS },
  )
  .map((list) =>
    list.map(
      (
        { dependencies, parallelism, weight, kind, hashed, retries, flakiness, placement, batch, twice },
        index,
      ) => {
        const id = `p${index}:build`;
        const earlier = dependencies.filter((other) => other < index);
        const idsOf = (servers: boolean): string[] =>
          earlier
            .filter((other) => (list[other]?.kind === 'server') === servers)
            .map((other) => `p${other}:build`);
        const needed = idsOf(true).map((other) => ({ id: other }));
        return taskSpec(id, idsOf(false), {
          continuousDependencies: needed,
          parallelism,
          weight,
          ...(hashed ? {} : { hash: null }),
          ...(twice ? { secondStart: true as const } : {}),
          ...(retries === 0 ? {} : { retries }),
          ...(flakiness === 'none' ? {} : { flakiness }),
          ...(placement === undefined ? {} : { placement }),
          ...(batch === undefined || !parallelism || needed.length > 0 ? {} : { batch: `batch ${batch}` }),
          initial:
            kind === 'done'
              ? { state: kind, artifact: { kind: 'attempt', attempt: 0 } }
              : { state: kind === 'noop' || kind === 'server' ? kind : 'pending' },
        });
      },
    ),
  )
  .map(withoutBadBatches);

const LABELS = ['x', 'y', 'z'];
const label = fc.constantFrom(...LABELS);

const placement: fc.Arbitrary<Placement> = fc.record({
  rule: fc.constant('rule'),
  runOn: fc.uniqueArray(fc.record({ label, parallelism: fc.option(fc.integer({ min: 1, max: 6 })) }), {
    minLength: 1,
    maxLength: 2,
    selector: (entry) => entry.label,
  }),
});

const run = (runId: string): fc.Arbitrary<PlannedRun> =>
  fc.record({
    worker: fc.option(
      fc.record({ slots: fc.integer({ min: 1, max: 3 }), afterMs: fc.integer({ min: 0, max: 90_000 }) }),
      { nil: undefined },
    ),
    atMs: fc.integer({ min: 0, max: 60_000 }),
    // Also 0, and far beyond what a task takes.
    lateMs: fc.array(fc.constantFrom(null, 0, 50, 3_000, 30_000), {
      minLength: MAX_TASKS,
      maxLength: MAX_TASKS,
    }),
    spec: fc
      .record({
        tasks,
        parallel: fc.integer({ min: 1, max: 4 }),
        nxBail: fc.boolean(),
        onHashMismatch: fc.constantFrom('fail' as const, 'run-on-main' as const),
        placements: fc.array(placement, { minLength: 3, maxLength: 3 }),
        placementWaitMs: fc.constantFrom(2_000, 30_000),
      })
      .map(({ tasks: list, ...options }) => runSpec(runId, list, options)),
  });

const slots = fc.option(fc.integer({ min: 1, max: 4 }));
const agent = fc.nat(9);

const incident: fc.Arbitrary<Incident> = fc.oneof(
  fc.record({ kind: fc.constant('freeze' as const), agent, forMs: fc.integer({ min: 1, max: 90_000 }) }),
  fc.record({ kind: fc.constant('crash' as const), agent }),
  fc.record({ kind: fc.constant('drain' as const), agent }),
  fc.record({ kind: fc.constant('cut' as const), agent }),
  fc.record({ kind: fc.constant('join' as const), slots }),
  fc.record({ kind: fc.constant('cut-main' as const), main: fc.nat(2) }),
  fc.record({ kind: fc.constant('coordinator-crash' as const), downMs: fc.integer({ min: 1, max: 50_000 }) }),
);

const plan = (incidents: fc.Arbitrary<Incident>): fc.Arbitrary<SimulationPlan> =>
  fc.record({
    seed: fc.integer(),
    runs: fc
      .integer({ min: 1, max: 3 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => run(`r${index + 1}`)))),
    agents: fc.array(slots, { minLength: 1, maxLength: 5 }),
    labels: fc.array(fc.uniqueArray(label), { minLength: 1, maxLength: 3 }),
    weather: fc.record({
      loss: fc.constantFrom(0, 0.05, 0.4),
      duplication: fc.constantFrom(0, 0.3),
      maxDelayMs: fc.constantFrom(5, 500, 8_000),
    }),
    fortune: fc.record({
      failure: fc.constantFrom(0, 0.05, 0.3),
      returned: fc.constantFrom(0, 0.05, 0.4),
      drift: fc.constantFrom(0, 0, 0.1),
      serverFailure: fc.constantFrom(0, 0.2),
      maxTaskMs: fc.constantFrom(100, 5_000, 60_000),
    }),
    incidents: fc.array(fc.record({ atMs: fc.integer({ min: 0, max: 180_000 }), incident: incidents }), {
      maxLength: 12,
    }),
    settings: fc.record({
      stopAgentsAfter: fc.constantFrom([], ['build']),
      stopAgentsOnFailure: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
      requireExplicitCompletion: fc.boolean(),
      releaseEarly: fc.boolean(),
    }),
    calmAtMs: fc.constant(180_000),
  });

/** Neither settled by the main job nor a server. */
const isToEnd = ({ initial }: TaskSpec): boolean => initial.state === 'pending' || initial.state === 'noop';

describe('a session with random faults', () => {
  it('keeps all invariants at every step, and every run ends', () => {
    let secondStarts = 0;
    let released = 0;
    fc.assert(
      fc.property(plan(incident), (each) => {
        const { mains, checkers } = simulate(each);
        secondStarts += checkers.secondStarts;
        released += checkers.released;
        for (const main of mains) {
          const asked = main.spec.tasks.filter(isToEnd);
          // A run whose main job was lost for longer than mainLostMs is cancelled and may be closed without all entries delivered.
          if (main.outcome === 'finished') expect(main.statuses.size).toBe(asked.length);
        }
      }),
      runs(1500),
    );
    expect(secondStarts).toBeGreaterThan(0);
    expect(released).toBeGreaterThan(0);
  });

  it('reports success of a run only if every task succeeded on some agent', () => {
    fc.assert(
      fc.property(plan(incident), (each) => {
        const { mains, checkers } = simulate(each);
        for (const { spec, outcome, statuses } of mains) {
          const asked = spec.tasks.filter(isToEnd);
          const isSuccess = outcome === 'finished' && asked.every(({ id }) => statuses.get(id) === 'success');
          const succeeded = asked.every(({ id }) => checkers.statusOf(spec.runId, id) === 'success');
          if (isSuccess) expect(succeeded).toBe(true);
        }
      }),
      runs(400),
    );
  });

  it('ends every task of a run that is cancelled at any time', () => {
    const cancelling = fc.oneof(
      incident,
      fc.record({ kind: fc.constant('cancel' as const), main: fc.nat(2) }),
    );
    fc.assert(
      fc.property(plan(cancelling), (each) => {
        for (const main of simulate(each).mains) expect(main.outcome).not.toBeNull();
      }),
      runs(400),
    );
  });
});

describe('a session without faults', () => {
  it('ends every task with success if nothing fails and no agent leaves', () => {
    const quiet = plan(incident).map((each): SimulationPlan => ({
      ...each,
      weather: { loss: 0, duplication: 0, maxDelayMs: 5 },
      fortune: { ...each.fortune, failure: 0, returned: 0, drift: 0, serverFailure: 0 },
      incidents: [],
      // Every rule matches every agent.
      labels: [LABELS],
      settings: { stopAgentsAfter: [], stopAgentsOnFailure: false, requireExplicitCompletion: false },
    }));
    fc.assert(
      fc.property(quiet, (each) => {
        for (const main of simulate(each).mains) {
          expect([...new Set(main.statuses.values())].filter((status) => status !== 'success')).toEqual([]);
          expect(main.outcome).toBe('finished');
        }
      }),
      runs(400),
    );
  });
});
