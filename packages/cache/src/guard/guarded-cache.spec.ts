import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type LimitValues, readLimits } from '@org/dte-protocol';
import { FakeClock } from '@org/dte-testing';
import type { CacheArea, CacheEntry, SharedCache } from '../shared-cache';
import { type FoundEntry, GuardedCache, type Written } from './guarded-cache';

const AREA: CacheArea = { issuer: 'https://gitlab.example.com', projectId: '42', scope: 'trusted' };
const OWN: CacheArea = { ...AREA, scope: `own-${'0'.repeat(32)}` };
const NAME = { kind: 'cache', hash: '1' } as const;
const sha256 = (content: string): string => createHash('sha256').update(content).digest('hex');

const entryOf = (content: string, change: Partial<CacheEntry> = {}): CacheEntry => ({
  ...NAME,
  bytes: Buffer.byteLength(content),
  sha256: sha256(content),
  origin: {
    pipelineId: '4711',
    jobId: '9',
    commit: 'a'.repeat(40),
    ref: 'main',
    agent: 'nx-agent 1/3',
    taskId: 'app:build',
    atMs: 1,
  },
  ...change,
});
const foundIn = (area: CacheArea, entry: CacheEntry): FoundEntry => ({ area, entry });
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
const away = (): Promise<never> => Promise.reject(new Error('connect ECONNREFUSED'));
/** What a library throws that is no error. */
const aText = (): Error => 'a text' as unknown as Error;
/** Everything that can happen without time does. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A store that has nothing and does nothing, but for what a spec makes it do. */
class ScriptedStore implements SharedCache {
  readonly description = 'the bucket s3://x';
  calls = 0;
  removed: CacheEntry[] = [];
  find: SharedCache['find'] = () => Promise.resolve([]);
  read: SharedCache['read'] = () => Promise.resolve(null);
  readDirectly: SharedCache['readDirectly'] = () => Promise.resolve(null);
  write: SharedCache['write'] = () => Promise.resolve('stored');
  forget: SharedCache['forget'] = () => Promise.resolve(0);
  flush: SharedCache['flush'] = () => Promise.resolve();
  close: SharedCache['close'] = () => Promise.resolve();
  remove: SharedCache['remove'] = (_, entry) => {
    this.removed.push(entry);
    return Promise.resolve();
  };

  finds(...contents: string[]): void {
    this.find = () => {
      this.calls += 1;
      return Promise.resolve(contents.map((content) => entryOf(content)));
    };
  }
}

let clock: FakeClock;
let store: ScriptedStore;
let said: string[];
let written: Written[];
let counted: Record<string, number>;
let guard: GuardedCache;

function open(limits: Partial<LimitValues> = {}): void {
  guard = new GuardedCache(store, {
    limits: { ...readLimits({}).limits, ...limits },
    clock,
    say: (line) => said.push(line),
    meter: {
      found: (where, count) => (counted[where] = (counted[where] ?? 0) + count),
      wrote: (result) => written.push(result),
    },
  });
}
beforeEach(() => {
  clock = new FakeClock();
  store = new ScriptedStore();
  [said, written, counted] = [[], [], {}];
  open();
});
afterEach(() => expect(clock.pending).toBe(0));

/** The answer to a question for one hash, when this much time has passed meanwhile. */
async function ask(afterMs = 0): Promise<FoundEntry | null | undefined> {
  const asking = guard.find([AREA], [NAME]);
  await settled();
  clock.advance(afterMs);
  return (await asking)[0];
}
async function textOf(body: Readable | null): Promise<string | null> {
  if (body === null) return null;
  let text = '';
  for await (const piece of body) text += String(piece);
  return text;
}

describe('a question', () => {
  it('is answered area by area, each only for what the ones before did not have', async () => {
    const asked: [string, string[]][] = [];
    store.find = (area, names) => {
      asked.push([area.scope, names.map(({ hash }) => hash)]);
      const has = area === OWN ? 'b' : 'c';
      return Promise.resolve([entryOf(has, { hash: has })]);
    };
    const names = ['a', 'b', 'c'].map((hash) => ({ kind: 'cache' as const, hash }));
    const found = await guard.find([OWN, AREA], names);
    expect(found.map((each) => each?.area.scope ?? null)).toEqual([null, OWN.scope, 'trusted']);
    expect(asked).toEqual([
      [OWN.scope, ['a', 'b', 'c']],
      ['trusted', ['a', 'c']],
    ]);
    expect(counted).toEqual({ trusted: 1, own: 1, none: 1 });
  });

  it('ignores what a store says of hashes that it was not asked for, and entries that are none', async () => {
    const lies: Partial<CacheEntry>[] = [
      { hash: '2' },
      { kind: 'terminal' },
      { bytes: -1 },
      { bytes: Number.NaN },
      { sha256: 'no digest' },
    ];
    store.find = () => Promise.resolve(lies.map((lie) => entryOf('one', lie)));
    expect(await ask()).toBeNull();
  });

  it('is a miss and one line if the store is away, throws something else or hangs', async () => {
    const faults: [SharedCache['find'], number, RegExp][] = [
      [away, 0, /connect ECONNREFUSED/],
      [() => Promise.reject(aText()), 0, /a text/],
      [never, 5_000, /no answer within 5000 ms/],
    ];
    for (const [find, afterMs, why] of faults) {
      said.length = 0;
      open();
      store.find = find;
      expect(await ask(afterMs)).toBeNull();
      expect(said).toEqual([expect.stringMatching(why)]);
      expect(said[0]).toMatch(
        /^The shared cache \(the bucket s3:\/\/x\) could not be read .*counts as a miss\.$/,
      );
    }
  });

  it('keeps what the first area had if the second one hangs', async () => {
    store.find = (area) => (area === OWN ? Promise.resolve([entryOf('one')]) : never());
    const asking = guard.find([OWN, AREA], [NAME, { kind: 'cache', hash: '2' }]);
    await settled();
    clock.advance(5_000);
    expect((await asking).map((each) => each?.area ?? null)).toEqual([OWN, null]);
  });

  it('tells the store that its time is over', async () => {
    let signal: AbortSignal | null = null;
    store.find = (_area, _names, given) => {
      signal = given;
      return never();
    };
    await ask(5_000);
    expect(signal).toMatchObject({ aborted: true });
  });
});

describe('after three faults in a row', () => {
  beforeEach(async () => {
    store.find = away;
    for (let fault = 0; fault < 3; fault++) await ask();
  });

  it('the store is left alone, and the change is one line', async () => {
    store.finds('one');
    for (let question = 0; question < 10; question++) expect(await ask()).toBeNull();
    expect(store.calls).toBe(0);
    expect(said).toHaveLength(2);
    expect(said[1]).toMatch(/3 times in a row .*left alone for 30 s at a time/);
  });

  it('it is tried again by one question, and used by all once it has answered', async () => {
    clock.advance(30_000);
    store.find = () => {
      store.calls += 1;
      return never();
    };
    const trying = guard.find([AREA], [NAME]);
    expect(await ask()).toBeNull();
    expect(store.calls).toBe(1);
    clock.advance(5_000);
    expect(await trying).toEqual([null]);
    // In vain: that is no news.
    expect(said).toHaveLength(2);
    store.finds('one');
    expect(await ask()).toBeNull();
    clock.advance(30_000);
    expect(await ask()).toMatchObject({ area: AREA });
    expect(await ask()).toMatchObject({ area: AREA });
    expect(said).toHaveLength(3);
    expect(said[2]).toMatch(/works again\.$/);
  });

  it('results are still stored', async () => {
    guard.store(foundIn(AREA, entryOf('one')), () => Readable.from(['one']));
    await settled();
    expect(written).toEqual(['stored']);
  });
});

it('faults that are not in a row are one line in half a minute', async () => {
  for (let round = 0; round < 5; round++) {
    store.find = away;
    expect(await ask()).toBeNull();
    store.finds('one');
    expect(await ask()).not.toBeNull();
  }
  expect(said).toHaveLength(1);
  clock.advance(30_000);
  store.find = away;
  await ask();
  expect(said).toHaveLength(2);
});

describe('what is read', () => {
  const found = foundIn(AREA, entryOf('content'));
  const reading = async (body: Readable | null): Promise<string | null> => {
    store.read = () => Promise.resolve(body);
    return textOf(await guard.read(found));
  };

  it('is what the store has', async () => {
    expect(await reading(Readable.from([Buffer.from('con'), Buffer.from('tent')]))).toBe('content');
    expect(await reading(null)).toBeNull();
  });

  it('is a miss if the store is away', async () => {
    store.read = away;
    expect(await guard.read(found)).toBeNull();
  });

  it('is an error for its reader if it is too short, too long, or breaks off', async () => {
    await expect(reading(Readable.from([Buffer.from('con')]))).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
    await expect(reading(Readable.from([Buffer.from('content and more')]))).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
    await expect(reading(broken('con'))).rejects.toThrow('reset');
    expect(said).toHaveLength(1);
  });

  it('is ended if nothing comes any more, and its stream is closed', async () => {
    const body = new Readable({ read: () => undefined });
    body.push('con');
    store.read = () => Promise.resolve(body);
    const text = textOf(await guard.read(found));
    const failed = expect(text).rejects.toThrow('nothing came for 5000 ms');
    await settled();
    clock.advance(5_000);
    await failed;
    expect(body.destroyed).toBe(true);
  });

  it('is closed if it comes too late', async () => {
    const late = Readable.from(['content']);
    let come: (body: Readable) => void = () => undefined;
    store.read = () => new Promise((resolve) => (come = resolve));
    const opening = guard.read(found);
    await settled();
    clock.advance(5_000);
    expect(await opening).toBeNull();
    come(late);
    await settled();
    expect(late.destroyed).toBe(true);
  });
});

describe('a check', () => {
  const found = foundIn(AREA, entryOf('content'));
  const check = async (body: Readable | null): Promise<string> => {
    store.read = () => Promise.resolve(body);
    return guard.verify(found);
  };

  it('leaves what is good', async () => {
    expect(await check(Readable.from(['content']))).toBe('good');
    expect(store.removed).toEqual([]);
    expect(said).toEqual([]);
  });

  it.each(['CONTENT', 'con', 'content and more', ''])('removes what is damaged: %j', async (content) => {
    expect(await check(Readable.from([Buffer.from(content)]))).toBe('removed');
    expect(store.removed).toEqual([found.entry]);
    expect(said).toEqual([expect.stringContaining('damaged bytes for cache 1 of pipeline 4711, job 9')]);
  });

  it('removes an entry whose bytes are gone, so that its name is free', async () => {
    expect(await check(null)).toBe('absent');
    expect(store.removed).toEqual([found.entry]);
  });

  it('removes nothing because of trouble on the way', async () => {
    expect(await check(broken('con'))).toBe('absent');
    store.read = away;
    expect(await guard.verify(found)).toBe('absent');
    expect(store.removed).toEqual([]);
  });

  it('is made once for several readers at a time', async () => {
    let reads = 0;
    store.read = () => {
      reads += 1;
      return Promise.resolve(Readable.from(['content']));
    };
    expect(await Promise.all([guard.verify(found), guard.verify(found)])).toEqual(['good', 'good']);
    expect(reads).toBe(1);
  });
});

describe('storing', () => {
  const writes: { hash: string; end: (result: 'stored' | 'exists') => void; signal: AbortSignal }[] = [];
  beforeEach(() => {
    writes.length = 0;
    store.write = (_area, { hash }, _open, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        writes.push({ hash, end: resolve, signal });
      });
  });
  const put = (...hashes: string[]): void => {
    for (const hash of hashes)
      guard.store(foundIn(AREA, entryOf('one', { hash })), () => Readable.from(['one']));
  };
  const running = (): string[] => writes.map(({ hash }) => hash);

  it('is done a few at a time, in order', async () => {
    open({ cacheWritesAtOnce: 2 });
    put('1', '2', '3', '4');
    await settled();
    expect(running()).toEqual(['1', '2']);
    writes[1]!.end('exists');
    await settled();
    expect(running()).toEqual(['1', '2', '3']);
    writes[0]!.end('stored');
    writes[2]!.end('stored');
    await settled();
    writes[3]!.end('stored');
    await guard.flush();
    expect(written).toEqual(['exists', 'stored', 'stored', 'stored']);
  });

  it('drops what is too much, and says so once', async () => {
    open({ cacheWritesAtOnce: 1, cacheWritesQueued: 2 });
    put('1', '2', '3', '4', '5');
    expect(written).toEqual(['dropped', 'dropped']);
    expect(said).toEqual([expect.stringMatching(/too slow: 3 results wait/)]);
    await guard.close();
    await settled();
  });

  it('ends a write that hangs, and goes on', async () => {
    open({ cacheWritesAtOnce: 1 });
    put('1', '2');
    await settled();
    clock.advance(600_000);
    await settled();
    expect(writes[0]!.signal.aborted).toBe(true);
    expect(running()).toEqual(['1', '2']);
    writes[1]!.end('stored');
    await guard.flush();
    expect(written).toEqual(['failed', 'stored']);
  });

  it('is not tried for a while after three faults, and reading goes on', async () => {
    store.write = away;
    open({ cacheWritesAtOnce: 1 });
    put('1', '2', '3', '4');
    await guard.flush();
    expect(written).toEqual(['failed', 'failed', 'failed', 'failed']);
    expect(said).toHaveLength(2);
    expect(said[1]).toMatch(
      /could not be written 3 times in a row .*later pipelines will not find these results/,
    );
    store.finds('one');
    expect(await ask()).not.toBeNull();
  });

  it('is waited for at the end, and then the store completes it', async () => {
    let flushes = 0;
    store.flush = () => {
      flushes += 1;
      return Promise.resolve();
    };
    await guard.flush();
    expect(flushes).toBe(0);
    put('1');
    const flushing = guard.flush();
    await settled();
    expect(flushes).toBe(0);
    writes[0]!.end('stored');
    await flushing;
    expect(flushes).toBe(1);
    // Nothing came since.
    await guard.flush();
    expect(flushes).toBe(1);
  });

  it('is waited for no longer than the limit, and that is one line', async () => {
    put('1', '2');
    const flushing = guard.flush();
    await settled();
    clock.advance(60_000);
    await flushing;
    expect(said).toEqual([
      expect.stringMatching(/took longer than 60000 ms\): later pipelines may not find 2 results/),
    ]);
    await guard.close();
    await settled();
    expect(written).toEqual(['dropped', 'dropped']);
  });

  it('is dropped for a pipeline that is forgotten, and nothing of it comes later', async () => {
    open({ cacheWritesAtOnce: 1 });
    put('1', '2');
    const other = entryOf('one', { hash: '3', origin: { ...entryOf('').origin, pipelineId: '4712' } });
    guard.store(foundIn(AREA, other), () => Readable.from(['one']));
    await settled();
    const order: string[] = [];
    writes[0]!.signal.addEventListener('abort', () => order.push('write ended'));
    store.forget = (project, pipelineId) => {
      order.push(`forget ${project.projectId} ${pipelineId}`);
      return Promise.resolve(7);
    };
    expect(await guard.forget(AREA, '4711')).toBe(7);
    expect(order).toEqual(['write ended', 'forget 42 4711']);
    await settled();
    expect(running()).toEqual(['1', '3']);
    writes[1]!.end('stored');
    await guard.flush();
  });
});

describe('forgetting', () => {
  it('fails if the store does, because somebody waits for its effect', async () => {
    store.forget = away;
    await expect(guard.forget(AREA, '4711')).rejects.toThrow('ECONNREFUSED');
    store.forget = never;
    const forgetting = expect(guard.forget(AREA, '4711')).rejects.toMatchObject({
      code: 'DTE_TIMEOUT',
      message: expect.stringMatching(/did not forget pipeline 4711 within 60000 ms/) as string,
    });
    await settled();
    clock.advance(60_000);
    await forgetting;
  });
});

function broken(text: string): Readable {
  return Readable.from(
    (function* () {
      yield Buffer.from(text);
      throw new Error('connection reset');
    })(),
  );
}
