import fc from 'fast-check';
import type { CacheArea, CacheEntry } from '../port/shared-cache';
import type { DiskStore } from './disk-store';
import { AREA, Bench, entryOf, never, opener, OWN, textOf } from './test-support/bench';

const AREAS: readonly CacheArea[] = [AREA, OWN, { ...AREA, projectId: '43' }];
const HASHES = ['1', '2', '3'];
const CONTENTS = ['one', 'two!', 'three'];
const PIPELINES = ['4711', '4712'];
const MINUTE_MS = 60_000;
const AGE_MINUTES = 120;

/** What the store must hold: every entry that was stored and was neither removed nor forgotten nor left alone for too long. */
interface Known {
  readonly area: CacheArea;
  readonly entry: CacheEntry;
  readonly content: string;
  readMinute: number;
}

class Model {
  minute = 0;
  private readonly known = new Map<string, Known>();

  get(area: CacheArea, hash: string): Known | null {
    const known = this.known.get(JSON.stringify([area, hash]));
    if (known === undefined) return null;
    if (this.minute - known.readMinute > AGE_MINUTES) return null;
    return known;
  }

  find(area: CacheArea): Known[] {
    const found = HASHES.flatMap((hash) => this.get(area, hash) ?? []);
    for (const known of found) known.readMinute = this.minute;
    return found;
  }

  put(area: CacheArea, entry: CacheEntry, content: string): 'stored' | 'exists' {
    if (this.get(area, entry.hash) !== null) return 'exists';
    this.known.set(JSON.stringify([area, entry.hash]), { area, entry, content, readMinute: this.minute });
    return 'stored';
  }

  remove(area: CacheArea, hash: string): void {
    this.known.delete(JSON.stringify([area, hash]));
  }

  forget({ projectId }: CacheArea, pipelineId: string): void {
    for (const [key, { area, entry }] of this.known)
      if (area.projectId === projectId && entry.origin.pipelineId === pipelineId) this.known.delete(key);
  }
}

interface World {
  readonly bench: Bench;
  readonly model: Model;
  cache: DiskStore;
}

type Command = (world: World) => Promise<void>;

const area = fc.constantFrom(...AREAS);
const hash = fc.constantFrom(...HASHES);
const content = fc.constantFrom(...CONTENTS);
const pipeline = fc.constantFrom(...PIPELINES);

const commands: fc.Arbitrary<{ readonly name: string; readonly run: Command }> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ area, hash, content, pipeline }).map(put) },
  { weight: 2, arbitrary: fc.record({ area }).map(find) },
  { weight: 2, arbitrary: fc.record({ area, hash }).map(remove) },
  fc.record({ area, pipeline }).map(forget),
  fc.constantFrom(0, 30, 61, 200).map(wait),
  fc.constantFrom('tidy', 'flush', 'reopen').map(upkeep),
);

const named = (name: string, run: Command) => ({ name, run });

interface Put {
  readonly area: CacheArea;
  readonly hash: string;
  readonly content: string;
  readonly pipeline: string;
}

function put(given: Put) {
  const entry = entryOf(given.hash, given.content, given.pipeline);
  return named(`put ${JSON.stringify(given)}`, async ({ cache, model }) => {
    const result = await cache.write(given.area, entry, opener(given.content), never());
    expect(result).toBe(model.put(given.area, entry, given.content));
  });
}

function find(given: { readonly area: CacheArea }) {
  return named(`find ${JSON.stringify(given)}`, async ({ cache, model }) => {
    const names = HASHES.map((each) => ({ kind: 'cache', hash: each }) as const);
    const expected = model.find(given.area);
    expect(await cache.find(given.area, names, never())).toEqual(expected.map(({ entry }) => entry));
    for (const known of expected)
      expect(await textOf(await cache.read(given.area, known.entry, never()))).toBe(known.content);
  });
}

function remove(given: { readonly area: CacheArea; readonly hash: string }) {
  return named(`remove ${JSON.stringify(given)}`, async ({ cache, model }) => {
    const known = model.get(given.area, given.hash);
    if (known === null) return;
    await cache.remove(given.area, known.entry);
    model.remove(given.area, given.hash);
  });
}

function forget(given: { readonly area: CacheArea; readonly pipeline: string }) {
  return named(`forget ${JSON.stringify(given)}`, async ({ cache, model }) => {
    await cache.forget(given.area, given.pipeline);
    model.forget(given.area, given.pipeline);
  });
}

function wait(minutes: number) {
  return named(`wait ${minutes}`, ({ bench, model }) => {
    bench.nowMs += minutes * MINUTE_MS;
    model.minute += minutes;
    return Promise.resolve();
  });
}

function upkeep(what: string) {
  return named(what, async (world) => {
    if (what === 'tidy') await world.cache.tidy();
    else if (what === 'flush') await world.cache.flush();
    else world.cache = await world.bench.reopen();
  });
}

describe('the store, against a model of it', () => {
  it('holds what the model holds, across restarts, and no file more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { maxLength: 40 }), async (given) => {
        const bench = new Bench();
        const world: World = {
          bench,
          model: new Model(),
          cache: await bench.open({ ageMs: AGE_MINUTES * MINUTE_MS }),
        };
        for (const { run } of given) await run(world);
        world.cache = await bench.reopen();
        for (const each of AREAS) await find({ area: each }).run(world);
        await bench.tidyAll(world.cache);
        const kept = new Set(
          AREAS.flatMap((each) => world.model.find(each).map(({ entry }) => entry.sha256)),
        );
        expect(bench.blobs().sort()).toEqual([...kept].sort());
        expect(bench.warnings).toEqual([]);
        await bench.cleanUp();
      }),
      { numRuns: 60 },
    );
  }, 300_000);
});
