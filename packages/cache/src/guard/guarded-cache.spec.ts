import { Readable } from 'node:stream';
import type { CacheEntry, SharedCache } from '../port/shared-cache';
import {
  AREA,
  away,
  entryOf,
  foundIn,
  GuardBench,
  NAME,
  never,
  OWN,
  settled,
} from './test-support/guard-bench';

/** What a library throws that is no error. */
const aText = (): Error => 'a text' as unknown as Error;

let bench: GuardBench;
beforeEach(() => {
  bench = new GuardBench();
});
afterEach(() => expect(bench.clock.pending).toBe(0));

async function textOf(body: Readable | null): Promise<string | null> {
  if (body === null) return null;
  let text = '';
  for await (const piece of body) text += String(piece);
  return text;
}

describe('a question', () => {
  it('is answered area by area, each only for what the ones before did not have', async () => {
    const asked: [string, string[]][] = [];
    bench.store.find = (area, names) => {
      asked.push([area.scope, names.map(({ hash }) => hash)]);
      const has = area === OWN ? 'b' : 'c';
      return Promise.resolve([entryOf(has, { hash: has })]);
    };
    const names = ['a', 'b', 'c'].map((hash) => ({ kind: 'cache' as const, hash }));
    const found = await bench.guard.find([OWN, AREA], names);
    expect(found.map((each) => each?.area.scope ?? null)).toEqual([null, OWN.scope, 'trusted']);
    expect(asked).toEqual([
      [OWN.scope, ['a', 'b', 'c']],
      ['trusted', ['a', 'c']],
    ]);
    expect(bench.counted).toEqual({ trusted: 1, own: 1, none: 1 });
  });

  it('finds a store that has read its index already, and no trouble of that is told', async () => {
    const asked: number[] = [];
    bench.store.find = (_area, names) => {
      asked.push(names.length);
      return Promise.reject(new Error('no index'));
    };
    bench.guard.prepare();
    await settled();
    expect(asked).toEqual([0]);
    expect(bench.said).toEqual([]);
  });

  it('ignores what a store says of hashes that it was not asked for, and entries that are none', async () => {
    const lies: Partial<CacheEntry>[] = [
      { hash: '2' },
      { kind: 'terminal' },
      { bytes: -1 },
      { bytes: Number.NaN },
      { sha256: 'no digest' },
    ];
    bench.store.find = () => Promise.resolve(lies.map((lie) => entryOf('one', lie)));
    expect(await bench.ask()).toBeNull();
  });

  it('is a miss and one line if the store is away, throws something else or hangs', async () => {
    const faults: [SharedCache['find'], number, RegExp][] = [
      [away, 0, /connect ECONNREFUSED/],
      [() => Promise.reject(aText()), 0, /a text/],
      [never, 5_000, /no answer within 5000 ms/],
    ];
    for (const [find, afterMs, why] of faults) {
      bench.said.length = 0;
      bench.open();
      bench.store.find = find;
      expect(await bench.ask(afterMs)).toBeNull();
      expect(bench.said).toEqual([expect.stringMatching(why)]);
      expect(bench.said[0]).toMatch(
        /^The shared cache \(the bucket s3:\/\/x\) could not be read .*counts as a miss\. After 3 faults in a row it is left alone for 30 s at a time\.$/,
      );
    }
  });

  it('keeps what the first area had if the second one hangs', async () => {
    bench.store.find = (area) => (area === OWN ? Promise.resolve([entryOf('one')]) : never());
    const asking = bench.guard.find([OWN, AREA], [NAME, { kind: 'cache', hash: '2' }]);
    await settled();
    bench.clock.advance(5_000);
    expect((await asking).map((each) => each?.area ?? null)).toEqual([OWN, null]);
  });

  it('tells the store that its time is over', async () => {
    let signal: AbortSignal | null = null;
    bench.store.find = (_area, _names, given) => {
      signal = given;
      return never();
    };
    await bench.ask(5_000);
    expect(signal).toMatchObject({ aborted: true });
  });
});

describe('after three faults in a row', () => {
  beforeEach(async () => {
    bench.store.find = away;
    for (let fault = 0; fault < 3; fault++) await bench.ask();
  });

  it('the store is left alone, and all of it is one line', async () => {
    bench.store.finds('one');
    for (let question = 0; question < 10; question++) expect(await bench.ask()).toBeNull();
    expect(bench.store.calls).toBe(0);
    expect(bench.said).toHaveLength(1);
    // Writing has trouble with the same store.
    bench.store.write = away;
    bench.guard.store(foundIn(AREA, entryOf('one')), () => Readable.from(['one']));
    await bench.guard.flush();
    expect(bench.written).toEqual(['failed']);
    expect(bench.said).toHaveLength(1);
    expect(bench.told).toEqual([
      { kind: 'away', line: bench.said[0]!.slice(0, -1), lasts: true, project: null },
    ]);
  });

  it('it is tried again by one question, and used by all once it has answered', async () => {
    bench.clock.advance(30_000);
    bench.store.find = () => {
      bench.store.calls += 1;
      return never();
    };
    const trying = bench.guard.find([AREA], [NAME]);
    expect(await bench.ask()).toBeNull();
    expect(bench.store.calls).toBe(1);
    bench.clock.advance(5_000);
    expect(await trying).toEqual([null]);
    // In vain: that is no news.
    expect(bench.said).toHaveLength(1);
    expect(bench.ended).toBe(0);
    bench.store.finds('one');
    expect(await bench.ask()).toBeNull();
    bench.clock.advance(30_000);
    expect(await bench.ask()).toMatchObject({ area: AREA });
    expect(await bench.ask()).toMatchObject({ area: AREA });
    expect(bench.said).toEqual([
      expect.stringMatching(/could not be read/),
      'The shared cache (the bucket s3://x) works again.',
    ]);
    expect(bench.ended).toBe(1);
  });

  it('results are still stored', async () => {
    bench.guard.store(foundIn(AREA, entryOf('one')), () => Readable.from(['one']));
    await settled();
    expect(bench.written).toEqual(['stored']);
  });
});

it('faults that are not in a row are one line in half a minute', async () => {
  for (let round = 0; round < 5; round++) {
    bench.store.find = away;
    expect(await bench.ask()).toBeNull();
    bench.store.finds('one');
    expect(await bench.ask()).not.toBeNull();
  }
  expect(bench.said).toHaveLength(1);
  bench.clock.advance(30_000);
  bench.store.find = away;
  await bench.ask();
  expect(bench.said).toHaveLength(2);
});

describe('what is read', () => {
  const found = foundIn(AREA, entryOf('content'));
  const reading = async (body: Readable | null): Promise<string | null> => {
    bench.store.read = () => Promise.resolve(body);
    return textOf(await bench.guard.read(found));
  };

  it('is what the store has', async () => {
    expect(await reading(Readable.from([Buffer.from('con'), Buffer.from('tent')]))).toBe('content');
    expect(await reading(null)).toBeNull();
  });

  it('is a miss if the store is away', async () => {
    bench.store.read = away;
    expect(await bench.guard.read(found)).toBeNull();
  });

  it('is an error for its reader if it is too short, too long, or breaks off', async () => {
    await expect(reading(Readable.from([Buffer.from('con')]))).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
    await expect(reading(Readable.from([Buffer.from('content and more')]))).rejects.toMatchObject({
      code: 'DTE_ARTIFACT_DAMAGED',
    });
    await expect(reading(broken('con'))).rejects.toThrow('reset');
    expect(bench.said).toHaveLength(1);
  });

  it('is ended if nothing comes any more, and its stream is closed', async () => {
    const body = new Readable({ read: () => undefined });
    body.push('con');
    bench.store.read = () => Promise.resolve(body);
    const text = textOf(await bench.guard.read(found));
    const failed = expect(text).rejects.toThrow('nothing came for 5000 ms');
    await settled();
    bench.clock.advance(5_000);
    await failed;
    expect(body.destroyed).toBe(true);
  });

  it('is closed if it comes too late', async () => {
    const late = Readable.from(['content']);
    let come: (body: Readable) => void = () => undefined;
    bench.store.read = () => new Promise((resolve) => (come = resolve));
    const opening = bench.guard.read(found);
    await settled();
    bench.clock.advance(5_000);
    expect(await opening).toBeNull();
    come(late);
    await settled();
    expect(late.destroyed).toBe(true);
  });
});

describe('a check', () => {
  const found = foundIn(AREA, entryOf('content'));
  const check = async (body: Readable | null): Promise<string> => {
    bench.store.read = () => Promise.resolve(body);
    return bench.guard.verify(found);
  };

  it('leaves what is good', async () => {
    expect(await check(Readable.from(['content']))).toBe('good');
    expect(bench.store.removed).toEqual([]);
    expect(bench.said).toEqual([]);
  });

  it.each(['CONTENT', 'con', 'content and more', ''])('removes what is damaged: %j', async (content) => {
    expect(await check(Readable.from([Buffer.from(content)]))).toBe('removed');
    expect(bench.store.removed).toEqual([found.entry]);
    expect(bench.said).toEqual([
      expect.stringContaining('damaged bytes for app:build (cache 1) of pipeline 4711, job 9'),
    ]);
  });

  it('removes an entry whose bytes are gone, so that its name is free', async () => {
    expect(await check(null)).toBe('absent');
    expect(bench.store.removed).toEqual([found.entry]);
  });

  it('removes nothing because of trouble on the way', async () => {
    expect(await check(broken('con'))).toBe('absent');
    bench.store.read = away;
    expect(await bench.guard.verify(found)).toBe('absent');
    expect(bench.store.removed).toEqual([]);
  });

  it('is made once for several readers at a time', async () => {
    let reads = 0;
    bench.store.read = () => {
      reads += 1;
      return Promise.resolve(Readable.from(['content']));
    };
    expect(await Promise.all([bench.guard.verify(found), bench.guard.verify(found)])).toEqual([
      'good',
      'good',
    ]);
    expect(reads).toBe(1);
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
