import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withDuration } from './duration-entry';
import { agentClassOf } from './durations';
import { FileDurationHistory } from './file-durations';
import { MemoryDurationHistory } from './memory-durations';
import { durationsContract, kind, took } from './test-support/durations.contract';

const LIMITS = { durationsMs: 1_000_000, durationEntries: 100 };

durationsContract('memory', (limits) =>
  Promise.resolve({ history: new MemoryDurationHistory(limits), cleanUp: () => Promise.resolve() }),
);

durationsContract('file', async (limits) => {
  const root = await mkdtemp(join(tmpdir(), 'dte-durations-'));
  const history = new FileDurationHistory(join(root, 'history'), { limits });
  return { history, cleanUp: () => rm(root, { recursive: true }) };
});

describe('what is remembered of a task', () => {
  const all = (...runs: number[]) =>
    runs.reduce<ReturnType<typeof withDuration> | null>(
      (entry, runMs) => withDuration(entry, took('app:build', runMs)),
      null,
    );

  it('is the plain mean of the first results, in the logarithm', () => {
    expect(Math.exp(all(1_000, 4_000)?.logMs ?? 0)).toBeCloseTo(2_000, 5);
    expect(all(1_000, 4_000)).toMatchObject({ count: 2, maxMs: 4_000 });
  });

  it('has a spread: 0 for a task that always takes as long', () => {
    expect(all(500, 500, 500, 500)?.variance).toBeCloseTo(0, 10);
    expect(Math.sqrt(all(1_000, 2_000, 1_000, 2_000, 1_000)?.variance ?? 0)).toBeGreaterThan(0.3);
  });

  it('never has less memory than the last result needed, and takes no time for a number', () => {
    const first = withDuration(null, took('app:build', 0, { peakBytes: 100, cpuMs: 10 }));
    const second = withDuration(first, took('app:build', 0, { peakBytes: 900, cpuMs: null }));
    expect(second).toMatchObject({ logMs: 0, peakBytes: 900, cpuMs: 10 });
    const third = withDuration(second, took('app:build', 0, { peakBytes: 100, cpuMs: 20 }));
    expect(third.peakBytes).toBeGreaterThan(500);
  });

  it('belongs to a kind of agents: those with the same labels', () => {
    expect(agentClassOf(['linux', 'arm', 'linux'])).toBe(agentClassOf(['arm', 'linux']));
    expect(agentClassOf([])).toBe('');
  });
});

describe('durations in files', () => {
  let root: string;
  const damages: string[] = [];
  const open = (): FileDurationHistory =>
    new FileDurationHistory(root, { limits: LIMITS, onDamage: (message) => damages.push(message) });
  const path = (): string => join(root, '42.durations.jsonl');
  const msOf = async (name: string, history = open()): Promise<number | undefined> =>
    (await history.estimates('42', 10)).of(kind(name), 'linux')?.ms;

  beforeEach(async () => {
    damages.length = 0;
    root = await mkdtemp(join(tmpdir(), 'dte-durations-'));
  });
  afterEach(() => rm(root, { recursive: true }));

  it('survive their process, also with an incomplete last line', async () => {
    await open().note('42', [took('app:build:ci', 3_000, { cpuMs: 2_000.4, peakBytes: 7, outputBytes: 9 })]);
    const line = (await readFile(path(), 'utf8')).trimEnd();
    expect(line).toBe('[1,"app","build","ci","linux",1,8.0064,0,3000,2000,7,9,1]');
    await writeFile(path(), '[1,"lib","bui', { flag: 'a' });
    const again = open();
    await again.note('42', [took('lib:test', 500)]);
    expect([await msOf('app:build:ci'), await msOf('lib:test')]).toEqual([3_000, 500]);
    expect(damages[0]).toBe(`1 lines of ${path()} are damaged and were skipped.`);
  });

  it('are shared by coordinators that use one folder at the same time', async () => {
    const [one, other] = [open(), open()];
    await one.note('42', [took('app:build', 1_000)]);
    expect(await msOf('app:build', other)).toBe(1_000);
    await other.note('42', [took('app:test', 2_000)]);
    expect(await msOf('app:test', one)).toBe(2_000);
  });

  it('of two copies are put together in any order: of each task, whoever saw it last is right', async () => {
    await open().note('42', [took('app:build', 1_000, { atMs: 1 }), took('app:test', 7_000, { atMs: 3 })]);
    const first = await readFile(path(), 'utf8');
    await rm(path());
    await open().note('42', [took('app:build', 2_000, { atMs: 2 }), took('app:test', 5_000, { atMs: 2 })]);
    const second = await readFile(path(), 'utf8');
    for (const text of [first + second, second + first, first + second + first]) {
      await writeFile(path(), text);
      expect([await msOf('app:build'), await msOf('app:test')]).toEqual([2_000, 7_000]);
    }
  });

  it('from a cache that somebody else has written cost nothing but the lines that make no sense', async () => {
    const good = '[1,"app","build",null,"linux",3,6.9078,0.1,1000,null,null,0,5]';
    const bad = [
      'null',
      '{"__proto__":{"polluted":true}}',
      '[2,"app","build",null,"linux",3,6.9,0.1,1000,null,null,0,5]',
      '[1,"app","build",null,"linux",0,6.9,0.1,1000,null,null,0,5]',
      '[1,"app","build",null,"linux",3,900,0.1,1000,null,null,0,5]',
      '[1,"app","build",null,"linux",3,-1,0.1,1000,null,null,0,5]',
      '[1,"app","build",null,"linux",3,1e999,0.1,1000,null,null,0,5]',
      '[1,"app","build",null,"linux",3,6.9,-0.1,1000,null,null,0,5]',
      '[1,"app","build",null,"linux",3,6.9,0.1,1000,null,null,0,-5]',
      `[1,"${'x'.repeat(2_000)}","build",null,"linux",3,6.9,0.1,1000,null,null,0,5]`,
      `[${'['.repeat(5_000)}`,
      'x'.repeat(9_000),
    ];
    await writeFile(path(), [...bad, good, ...bad, ''].join('\n'));
    const history = open();
    expect(await msOf('app:build', history)).toBe(1_000);
    await history.note('42', [took('lib:test', 500)]);
    await writeFile(path(), '[]\n', { flag: 'a' });
    await history.estimates('42', 10);
    expect(damages).toEqual([`${2 * bad.length} lines of ${path()} are damaged and were skipped.`]);
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it('stay short however often tasks run', async () => {
    const history = open();
    for (let round = 0; round < 60; round++)
      await history.note(
        '42',
        Array.from({ length: 40 }, (_, nth) => took(`p${nth}:build`, 1_000, { atMs: round + 1 })),
      );
    const lines = (await readFile(path(), 'utf8')).trimEnd().split('\n');
    expect(lines.length).toBeLessThan(1_200);
    expect((await open().estimates('42', 100)).results).toBe(60 * 40);
  });

  it('start again in place of a file that dte cannot have written', async () => {
    await writeFile(path(), 'x'.repeat(1_000_000));
    await open().note('42', [took('app:build', 1_000)]);
    expect(damages).toEqual([expect.stringContaining('a new file is started')]);
    expect((await readFile(path(), 'utf8')).length).toBeLessThan(200);
  });
});
