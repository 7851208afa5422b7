import type { CacheEntry } from '@org/dte-nx-compat';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { task } from '../test-support/tasks';
import { MainDisk, type OutputsState } from './main-disk';

const LIB = task('lib:build', { outputs: ['dist/lib'], hash: '42' });
const RAW = task('lib:raw', { outputs: ['dist/raw'], hash: '43', cache: false });

describe("the main job's disk", () => {
  let root: string;
  const entries = new Map<string, CacheEntry>();
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'dte-disk-'));
    entries.clear();
    write('dist/lib/out.txt', 'built');
    write('dist/lib/deep/two.txt', 'two');
    write('dist/raw/out.txt', 'raw');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const at = (path: string): string => join(root, path);
  function write(path: string, text: string): void {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), text);
  }
  /** The disk of one nx command. */
  const command = (): MainDisk =>
    new MainDisk({
      workspaceRoot: root,
      outputs: {
        list: (outputs) => {
          const roots = outputs.filter((output) => existsSync(at(output)));
          return Promise.resolve({ entries: [], through: [], roots });
        },
      },
      cache: {
        lookupLocal: ([first]) => Promise.resolve(new Map([...entries].filter(([id]) => id === first?.id))),
      },
      path: at('.nx/dte/record.json'),
      makeFolder: () => undefined,
    });
  const noted = (): Promise<void> => command().note([LIB, RAW], () => null);
  const state = (outputs = LIB.outputs): Promise<OutputsState> => command().stateOf(outputs);
  const cacheHolds = (): void => {
    cpSync(at('dist/lib'), at('cache/42/dist/lib'), { recursive: true, verbatimSymlinks: true });
    entries.set('lib:build', { code: 0, terminalOutput: '', outputsPath: at('cache/42') });
  };

  it('knows nothing of outputs that no command of the session has noted', async () => {
    expect(await state()).toEqual({ kind: 'unknown' });
    await noted();
    expect(await state(['dist/other'])).toEqual({ kind: 'unknown' });
    write('.nx/dte/record.json', 'torn');
    expect(await state()).toEqual({ kind: 'unknown' });
  });

  it('finds unchanged outputs, whatever other files are next to them', async () => {
    await noted();
    write('dist/beside.txt', 'x');
    expect(await state()).toMatchObject({ kind: 'as-made', made: { taskId: 'lib:build', hash: '42' } });
  });

  /** The clock that stamps files is behind the one of this process, and the line counts in whole milliseconds. */
  function clockGoesOn(): void {
    const [now, deadline] = [Date.now(), Date.now() + 60_000];
    do write('probe', 'x');
    while (Math.floor(statSync(at('probe')).ctimeMs) <= now && Date.now() < deadline);
  }

  it('detects a change of the same size at the moment in which the file was noted', async () => {
    for (let tries = 0; tries < 50; tries++) {
      write('dist/lib/out.txt', 'built');
      await noted();
      write('dist/lib/out.txt', 'BUILT');
      expect(await state()).toMatchObject({ kind: 'changed' });
    }
  });

  const sameTimes = (path: string, change: () => void): void => {
    const { atime, mtime } = statSync(at(path));
    change();
    utimesSync(at(path), atime, mtime);
  };
  it.each<[string, () => void, RegExp]>([
    [
      'changed',
      () => write('dist/lib/out.txt', 'other text'),
      /^dist\/lib\/out\.txt was changed after lib:build created it$/,
    ],
    [
      'changed, with the same size and times as before',
      () => sameTimes('dist/lib/out.txt', () => write('dist/lib/out.txt', 'BUILT')),
      /^dist\/lib\/out\.txt was changed/,
    ],
    ['added', () => write('dist/lib/deep/new.txt', ''), /^dist\/lib\/deep\/new\.txt was changed/],
    [
      'deleted',
      () => rmSync(at('dist/lib/deep/two.txt')),
      /dist\/lib was changed or deleted after lib:build created it/,
    ],
    ['all deleted', () => rmSync(at('dist/lib'), { recursive: true }), /dist\/lib was changed or deleted/],
    ['made executable', () => chmodSync(at('dist/lib/out.txt'), 0o755), /^dist\/lib\/out\.txt was changed/],
    [
      'replaced by a link',
      () => {
        rmSync(at('dist/lib/out.txt'));
        symlinkSync('deep/two.txt', at('dist/lib/out.txt'));
      },
      /^dist\/lib\/out\.txt was changed/,
    ],
    [
      'edited in place as sed does',
      () => void execFileSync('sed', ['-i', 's/built/BUILT/', at('dist/lib/out.txt')]),
      /^dist\/lib\/out\.txt was changed/,
    ],
  ])('detects a file that was %s, even if the cache has the original', async (_, change, what) => {
    cacheHolds();
    await noted();
    clockGoesOn();
    change();
    expect(await state()).toMatchObject({ kind: 'changed', what: expect.stringMatching(what) as string });
  });

  it('does not treat the same files, restored again, as a change', async () => {
    cacheHolds();
    await noted();
    const text = readFileSync(at('dist/lib/out.txt'));
    rmSync(at('dist/lib/out.txt'));
    writeFileSync(at('dist/lib/out.txt'), text);
    expect(await state()).toMatchObject({ kind: 'as-made' });
    // Unless there is no original to compare with.
    entries.clear();
    expect(await state()).toMatchObject({ kind: 'changed' });
  });

  it('compares with the files of the last of several tasks with these outputs', async () => {
    await noted();
    write('dist/lib/out.txt', 'staging');
    await command().note([task('lib:build:staging', { outputs: ['dist/lib'], hash: '44' })], () => null);
    expect(await state()).toMatchObject({ kind: 'as-made', made: { taskId: 'lib:build:staging' } });
  });

  it('does not forget a change of outputs that no cache has when their task has run again on top of it', async () => {
    await noted();
    write('dist/raw/added.txt', 'x');
    const next = command();
    expect(await next.stateOf(RAW.outputs)).toMatchObject({ kind: 'changed' });
    await next.note([RAW], () => null);
    expect(await state(RAW.outputs)).toMatchObject({ kind: 'changed' });
  });

  it('detects outputs of which nothing is left, and those that were made from several inputs', async () => {
    await noted();
    rmSync(at('dist/lib'), { recursive: true });
    expect(await state()).toMatchObject({ kind: 'changed', isGone: true });
    await command().note([{ ...LIB, hash: '44' }], () => null);
    await noted();
    expect(await state()).toMatchObject({ kind: 'as-made', made: { hash: '42', hasVaried: true } });
    expect(await state(RAW.outputs)).toMatchObject({ made: { hasVaried: false } });
  });

  it('does not treat what a task of a command writes into the outputs of another as a change', async () => {
    const types = task('lib:types', { outputs: ['dist/lib/types'], hash: '45' });
    const run = async (): Promise<void> => {
      const disk = command();
      await disk.lookAround([types]);
      write('dist/lib/types/out.d.ts', 'types');
      await disk.note([types], () => null);
    };
    await noted();
    await run();
    expect(await state()).toMatchObject({ kind: 'as-made', made: { taskId: 'lib:build', hash: '42' } });
    expect(await state(types.outputs)).toMatchObject({ kind: 'as-made' });
    // An earlier change by a script remains a change.
    write('dist/lib/out.txt', 'other text');
    await run();
    expect(await state()).toMatchObject({ kind: 'changed' });
    expect(await state(RAW.outputs)).toMatchObject({ kind: 'as-made' });
  });

  it('knows which outputs were not restored, until they are', async () => {
    rmSync(at('dist/lib'), { recursive: true });
    const run = '0b8b7f0e-6a2f-4c57-9a0e-3f1f7a1d2c3b';
    await command().note([LIB], () => run);
    expect(await command().absentSoFar()).toMatchObject([{ taskId: 'lib:build', absentIn: run }]);
    write('dist/lib/out.txt', 'brought');
    expect(await command().absentSoFar()).toEqual([]);
    await command().note([LIB], () => null);
    expect(await state()).toMatchObject({ kind: 'as-made' });
  });

  const RUN = '0b8b7f0e-6a2f-4c57-9a0e-3f1f7a1d2c3b';

  it('still knows which outputs were not restored when a task has written into them, and when they have been restored', async () => {
    const types = task('lib:types', { outputs: ['dist/lib/types'], hash: '45' });
    rmSync(at('dist/lib'), { recursive: true });
    await command().note([LIB], () => RUN);
    const disk = command();
    await disk.lookAround([types]);
    write('dist/lib/types/out.d.ts', 'types');
    await disk.note([types], () => null);
    const left = await command().absentSoFar();
    expect(left).toMatchObject([{ taskId: 'lib:build', absentIn: RUN }]);

    write('dist/lib/out.txt', 'brought');
    await command().arrived(left);
    expect(await state()).toMatchObject({ kind: 'as-made', made: { hash: '42', absentIn: null } });
  });

  it('knows that outputs that a script deleted are not restored when their task has run again on an agent', async () => {
    await noted();
    rmSync(at('dist/raw'), { recursive: true });
    const next = command();
    expect(await next.stateOf(RAW.outputs)).toMatchObject({ kind: 'changed', isGone: true });
    await next.note([RAW], () => RUN);
    expect(await command().absentSoFar()).toMatchObject([{ taskId: 'lib:raw', absentIn: RUN }]);
  });
});
