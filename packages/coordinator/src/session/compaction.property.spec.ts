import { mkdtempSync, promises, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { LIMITS, type RunSpec } from '@org/dte-protocol';
import { createState, type Input, isClosed, type SchedulerState, step } from '@org/dte-scheduler';
import { runSpec, simulate, taskSpec } from '@org/dte-testing';
import fc from 'fast-check';
import type { FileSystem } from '../files/file-system';
import { FileJournalStore } from '../journal/file-journal';
import type { Journal, JournalEntry } from '../journal/journal';
import { crashingDisk } from '../journal/test-support/crashing-disk';
import { Compaction } from './compaction';
import { fromJournal, toJournal } from './journaled-input';
import { RunSpecStore } from './run-specs';
import { decodeSnapshot, encodeSnapshot } from './snapshot';
import { CONFIG as DEFAULTS } from './test-support/config';

const CONFIG = { ...DEFAULTS, logEntriesPerFrame: 3 };
const HEADER = { version: 1, sessionId: 's1', config: CONFIG } as const;

const fresh = (): SchedulerState => createState(CONFIG, 's1');
/** Of one realm: Jest's Map is another class than the deserializer's. */
const copyOf = (state: SchedulerState): unknown => deserialize(serialize(state)) as unknown;

interface Applied {
  readonly input: Input;
  readonly atMs: number;
}

/** Everything that happened to a session in bad weather: lost agents, retries, batches, rules, a restart. */
function inputsOf(seed: number): Applied[] {
  const run = (runId: string): RunSpec =>
    runSpec(
      runId,
      Array.from({ length: 12 }, (_, nth) =>
        taskSpec(`p${nth}:build`, nth < 3 ? [] : [`p${nth - 3}:build`], {
          ...(nth % 4 === 0 ? { retries: 1 } : {}),
          ...(nth % 5 === 0 ? { placement: 0 } : {}),
          ...(nth === 1 || nth === 2 ? { batch: 'b' } : {}),
          parallelism: nth !== 7,
        }),
      ),
      { placements: [{ rule: 'rule', runOn: [{ label: 'x', parallelism: 2 }] }] },
    );
  const { inputs } = simulate({
    seed,
    runs: ['r1', 'r2', 'r3'].map((runId, nth) => ({ atMs: nth * 50_000, spec: run(runId) })),
    agents: [2, null, 1],
    labels: [['x'], ['y']],
    weather: { loss: 0.05, duplication: 0.1, maxDelayMs: 500 },
    fortune: { failure: 0.1, returned: 0.1, drift: 0, serverFailure: 0, maxTaskMs: 20_000 },
    incidents: [
      { atMs: 20_000, incident: { kind: 'crash', agent: 0 } },
      { atMs: 40_000, incident: { kind: 'coordinator-crash', downMs: 2_000 } },
      { atMs: 60_000, incident: { kind: 'join', slots: 2 } },
    ],
    settings: { stopAgentsAfter: [], stopAgentsOnFailure: false, requireExplicitCompletion: false },
    calmAtMs: 180_000,
  });
  return inputs.map(({ text, nowMs }) => ({ input: JSON.parse(text) as Input, atMs: nowMs }));
}

interface Place {
  readonly fs: FileSystem;
  readonly root: string;
  readonly fsync: boolean;
  readonly tailBytes: number;
}

/** One life of the process that keeps the journal of a session. */
class Life {
  private constructor(
    readonly journal: Journal,
    readonly state: SchedulerState,
    private readonly specs: RunSpecStore,
    private readonly tailBytes: number,
  ) {}

  static async begin({ fs, root, fsync, tailBytes }: Place): Promise<Life> {
    const journal = await new FileJournalStore(root, { fs, fsync }).open(HEADER);
    const specs = new RunSpecStore(fs, join(root, HEADER.sessionId), LIMITS.runSpecBytes.value);
    const snapshot = await journal.snapshot();
    const state = snapshot === null ? fresh() : (await decodeSnapshot(snapshot, 'folder')).state;
    // A spec that was removed too early is an error here.
    for await (const entry of journal.replay())
      step(state, await fromJournal(entry, async (runId) => (await specs.read(runId)).spec), entry.atMs);
    return new Life(journal, state, specs, tailBytes);
  }

  /** @returns how many inputs are certain to be there; those of `groupOf` are written together */
  async goOn(inputs: readonly Applied[], groupOf: number): Promise<number> {
    const compaction = new Compaction({
      journal: this.journal,
      limits: { journalTailBytes: this.tailBytes, journalTailFactor: 1 },
      take: () =>
        encodeSnapshot({
          state: this.state,
          forwarding: { expected: new Set(), over: new Set() },
          log: { agents: new Map(), runs: new Map() },
        }),
      release: () => this.specs.removeClosed((runId) => isClosed(this.state, runId)),
      onCompacted: () => undefined,
      onFailed: () => undefined,
    });
    let certain = 0;
    try {
      while (certain < inputs.length) {
        const group = inputs.slice(certain, certain + groupOf);
        for (const { input } of group)
          if (input.type === 'run.submit')
            await this.specs.save(input.spec.runId, Buffer.from(JSON.stringify(input.spec)));
        const entries = group.map(({ input, atMs }): JournalEntry => ({ atMs, input: toJournal(input) }));
        await this.journal.append(entries);
        for (const { input, atMs } of structuredClone(group)) step(this.state, input, atMs);
        certain += group.length;
        await compaction.run();
      }
    } catch (thrown) {
      expect((thrown as Error).message).toContain('crashed');
    }
    await this.journal.close();
    return certain;
  }
}

describe('a journal that is compacted while its process crashes again and again', () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'dte-compaction-'))));
  afterEach(() => rmSync(root, { recursive: true }));

  it('leads to the state of before each crash, and takes a bounded part of the disk', async () => {
    const plan = fc.record({
      seed: fc.integer({ min: 1, max: 5 }),
      tailBytes: fc.integer({ min: 200, max: 60_000 }),
      budgets: fc.array(fc.integer({ min: 1, max: 150_000 }), { minLength: 1, maxLength: 5 }),
      groupOf: fc.integer({ min: 1, max: 4 }),
      fsync: fc.boolean(),
    });
    let lives = 0;
    await fc.assert(
      fc.asyncProperty(plan, async ({ seed, tailBytes, budgets, groupOf, fsync }) => {
        const folder = join(root, String(++lives));
        const inputs = inputsOf(seed);
        const reference = fresh();
        let done = 0;
        for (const budget of [...budgets, Infinity]) {
          const disk = crashingDisk(promises, budget);
          const begin = (fs: FileSystem) => Life.begin({ fs, root: folder, fsync, tailBytes });
          const certain = await begin(disk).then(
            (life) => life.goOn(inputs.slice(done), groupOf),
            () => 0,
          );

          const after = await begin(promises);
          for (let extra = 0; extra < certain; extra++, done++)
            step(reference, structuredClone(inputs[done]!.input), inputs[done]!.atMs);
          // What was being written at the crash may be there or not, in order.
          for (
            let extra = 0;
            extra < groupOf && !isDeepStrictEqual(copyOf(after.state), copyOf(reference));
            extra++
          ) {
            const { input, atMs } = inputs[done]!;
            step(reference, structuredClone(input), atMs);
            done += 1;
          }
          expect(isDeepStrictEqual(copyOf(after.state), copyOf(reference))).toBe(true);
          const { snapshot, tail } = after.journal.size;
          expect(tail).toBeLessThanOrEqual(Math.max(tailBytes, snapshot) + 100_000);
          expect(readdirSync(join(folder, 's1')).filter((name) => name !== 'runs')).toEqual([
            'journal.jsonl',
          ]);
          await after.journal.close();
        }
        expect(done).toBe(inputs.length);
      }),
      { numRuns: 40 },
    );
  });
});
