import { Readable } from 'node:stream';
import { DteError } from '@org/dte-protocol';
import { AREA, away, entryOf, foundIn, GuardBench, never, settled } from './test-support/guard-bench';

let bench: GuardBench;
beforeEach(() => {
  bench = new GuardBench();
});
afterEach(() => expect(bench.clock.pending).toBe(0));

describe('storing', () => {
  const writes: { hash: string; end: (result: 'stored' | 'exists') => void; signal: AbortSignal }[] = [];
  beforeEach(() => {
    writes.length = 0;
    bench.store.write = (_area, { hash }, _open, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        writes.push({ hash, end: resolve, signal });
      });
  });
  const put = (...hashes: string[]): void => {
    for (const hash of hashes)
      bench.guard.store(foundIn(AREA, entryOf('one', { hash })), () => Readable.from(['one']));
  };
  const running = (): string[] => writes.map(({ hash }) => hash);

  it('is done a few at a time, in order', async () => {
    bench.open({ cacheWritesAtOnce: 2 });
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
    await bench.guard.flush();
    expect(bench.written).toEqual(['exists', 'stored', 'stored', 'stored']);
  });

  it('drops what is too much, and says so once', async () => {
    bench.open({ cacheWritesAtOnce: 1, cacheWritesQueued: 2 });
    put('1', '2', '3', '4', '5');
    expect(bench.written).toEqual(['dropped', 'dropped']);
    expect(bench.said).toEqual([expect.stringMatching(/too slow: 3 results wait/)]);
    await bench.guard.close();
    await settled();
  });

  it('ends a write that hangs, and goes on', async () => {
    bench.open({ cacheWritesAtOnce: 1 });
    put('1', '2');
    await settled();
    bench.clock.advance(600_000);
    await settled();
    expect(writes[0]!.signal.aborted).toBe(true);
    expect(running()).toEqual(['1', '2']);
    writes[1]!.end('stored');
    await bench.guard.flush();
    expect(bench.written).toEqual(['failed', 'stored']);
  });

  it('is not tried for a while after three faults, and reading goes on', async () => {
    bench.store.write = away;
    bench.open({ cacheWritesAtOnce: 1 });
    put('1', '2', '3', '4');
    await bench.guard.flush();
    expect(bench.written).toEqual(['failed', 'failed', 'failed', 'failed']);
    expect(bench.said).toEqual([
      expect.stringMatching(/could not be written \(.*later pipelines will not find these results/),
    ]);
    bench.store.finds('one');
    expect(await bench.ask()).not.toBeNull();
  });

  it('goes on if single results do not fit or are gone, and says so once in a while', async () => {
    bench.store.write = () =>
      Promise.reject(new DteError('DTE_ARTIFACT_MISSING', 'It is not in its session any more.'));
    put('1', '2', '3', '4');
    await bench.guard.flush();
    bench.store.write = () => Promise.resolve('stored');
    put('5');
    await bench.guard.flush();
    expect(bench.written).toEqual(['failed', 'failed', 'failed', 'failed', 'stored']);
    expect(bench.said).toEqual([
      expect.stringMatching(/does not have the result of app:build of pipeline 4711: It is not/),
    ]);
  });

  it('is waited for at the end, and then the store completes it', async () => {
    let flushes = 0;
    bench.store.flush = () => {
      flushes += 1;
      return Promise.resolve();
    };
    await bench.guard.flush();
    expect(flushes).toBe(0);
    put('1');
    const flushing = bench.guard.flush();
    await settled();
    expect(flushes).toBe(0);
    writes[0]!.end('stored');
    await flushing;
    expect(flushes).toBe(1);
    // Nothing came since.
    await bench.guard.flush();
    expect(flushes).toBe(1);
  });

  it('is followed by a flush, also if it happens during one; and so is a pipeline that is forgotten', async () => {
    bench.store.write = () => Promise.resolve('stored');
    const flushes: (() => void)[] = [];
    bench.store.flush = () => new Promise((resolve) => flushes.push(resolve));
    put('1');
    const first = bench.guard.flush();
    await settled();
    put('2');
    await settled();
    flushes[0]!();
    await first;
    const second = bench.guard.flush();
    await settled();
    expect(flushes).toHaveLength(2);
    flushes[1]!();
    await second;
    await bench.guard.forget(AREA, '4711');
    const third = bench.guard.flush();
    await settled();
    expect(flushes).toHaveLength(3);
    flushes[2]!();
    await third;
  });

  it('is waited for no longer than the limit, and that is one line', async () => {
    put('1', '2');
    const flushing = bench.guard.flush();
    await settled();
    bench.clock.advance(60_000);
    await flushing;
    expect(bench.said).toEqual([
      expect.stringMatching(/took longer than 60000 ms\): later pipelines may not find 2 results/),
    ]);
    await bench.guard.close();
    await settled();
    expect(bench.written).toEqual(['dropped', 'dropped']);
  });

  it('is dropped for a pipeline that is forgotten, and nothing of it comes later', async () => {
    bench.open({ cacheWritesAtOnce: 1 });
    put('1', '2');
    const other = entryOf('one', { hash: '3', origin: { ...entryOf('').origin, pipelineId: '4712' } });
    bench.guard.store(foundIn(AREA, other), () => Readable.from(['one']));
    await settled();
    const order: string[] = [];
    writes[0]!.signal.addEventListener('abort', () => order.push('write ended'));
    bench.store.forget = (project, pipelineId) => {
      order.push(`forget ${project.projectId} ${pipelineId}`);
      return Promise.resolve(7);
    };
    expect(await bench.guard.forget(AREA, '4711')).toBe(7);
    expect(order).toEqual(['write ended', 'forget 42 4711']);
    await settled();
    expect(running()).toEqual(['1', '3']);
    writes[1]!.end('stored');
    await bench.guard.flush();
  });
});

describe('forgetting', () => {
  it('fails if the store does, because somebody waits for its effect', async () => {
    bench.store.forget = away;
    await expect(bench.guard.forget(AREA, '4711')).rejects.toThrow('ECONNREFUSED');
    bench.store.forget = never;
    const forgetting = expect(bench.guard.forget(AREA, '4711')).rejects.toMatchObject({
      code: 'DTE_TIMEOUT',
      message: expect.stringMatching(/did not forget pipeline 4711 within 60000 ms/) as string,
    });
    await settled();
    bench.clock.advance(60_000);
    await forgetting;
  });
});
