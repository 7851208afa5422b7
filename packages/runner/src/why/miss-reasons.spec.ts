import type { NxStatuses } from '@org/dte-nx-compat';
import { LIMITS, readLimits, type LimitValues } from '@org/dte-protocol';
import type { Miss } from '@org/dte-report';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { graphOf } from '../test-support/tasks';
import { readBook } from './book-file';
import { MissReasons } from './miss-reasons';

describe('the reasons why tasks of a command were not cached', () => {
  let folder: string;
  let lines: string[];
  const historyFile = (): string => join(folder, 'history', '42.inputs.br');
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-misses-'));
    lines = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  interface Given {
    readonly env?: string;
    readonly statuses?: NxStatuses;
    readonly skipNxCache?: boolean;
    readonly limits?: Partial<LimitValues>;
    readonly hashed?: boolean;
  }

  let runs = 0;
  async function command({
    env = '1',
    statuses = {},
    skipNxCache = false,
    limits = {},
    hashed = true,
  }: Given) {
    const details = { command: 'c', nodes: { 'env:STAGE': env } };
    const graph = graphOf(
      { 'lib:build': [], 'app:build': ['lib:build'], 'app:serve': [] },
      {},
      {
        'lib:build': { hash: `lib ${env}`, hashDetails: details },
        'app:build': hashed
          ? { hash: `app ${env}`, hashDetails: { ...details, nodes: { '**/*:dist/lib': env } } }
          : {},
        'app:serve': { cache: false, hash: 'x', hashDetails: details },
      },
    );
    const found: Record<string, Miss> = {};
    const reasons = new MissReasons({
      runId: `r${(runs += 1)}`,
      graph,
      projectGraph: { nodes: {}, dependencies: {} },
      workspaceRoot: folder,
      limits: { ...readLimits({}).limits, missReasonsMs: 60_000, ...limits },
      commit: null,
      skipNxCache,
      verbose: true,
      historyFile: historyFile(),
      sessionFile: join(folder, 'report', '42-1.inputs.br'),
      onMiss: (taskId, miss) => void (found[taskId] = miss),
      line: (text) => void lines.push(text),
    });
    await reasons.finish({
      'lib:build': 'success',
      'app:build': 'failure',
      'app:serve': 'success',
      ...statuses,
    });
    return found;
  }

  it('says for the first command that none is known, and for the next what differs, with the root cause', async () => {
    expect(await command({})).toEqual({
      'lib:build': { kind: 'new', text: 'first run that is known', inputs: [] },
      'app:build': { kind: 'new', text: 'first run that is known', inputs: [] },
    });
    const next = await command({ env: '2' });
    expect(next).toMatchObject({
      'lib:build': { kind: 'changed', text: 'environment variable STAGE differs' },
      'app:build': {
        kind: 'dependency',
        text: 'outputs of lib:build differ (lib:build: environment variable STAGE differs)',
      },
    });
    expect(lines).toContain(
      'dte: not cached: lib:build and 1 other task: environment variable STAGE differs',
    );
  });

  it('knows inputs that ran before: a lost result, or a failure', async () => {
    await command({});
    expect(await command({})).toMatchObject({
      'lib:build': { kind: 'evicted', text: expect.stringContaining('no cache') as string },
      'app:build': { kind: 'evicted', text: expect.stringContaining('failures are not cached') as string },
    });
  });

  it('has no reason for what a cache had, and keeps its inputs all the same', async () => {
    expect(await command({ statuses: { 'lib:build': 'remote-cache', 'app:build': 'skipped' } })).toEqual({});
    const [run] = (await readBook(historyFile())).runs;
    expect([...(run?.tasks.keys() ?? [])]).toEqual(['lib:build']);
    expect((await command({ env: '2' }))['lib:build']).toMatchObject({ kind: 'changed' });
  });

  it('says that a task was hashed where it ran, and what ran before it', async () => {
    await command({});
    expect((await command({ env: '2', hashed: false }))['app:build']).toEqual({
      kind: 'unknown',
      text: 'it was hashed after lib:build, which ran: environment variable STAGE differs',
      inputs: ['environment variable STAGE differs'],
    });
  });

  it('says that the command uses no cache', async () => {
    expect((await command({ skipNxCache: true }))['lib:build']).toMatchObject({ kind: 'uncached' });
  });

  it('ignores a damaged file with one line, and replaces it', async () => {
    mkdirSync(dirname(historyFile()), { recursive: true });
    writeFileSync(historyFile(), 'damaged');
    expect((await command({}))['lib:build']).toMatchObject({ kind: 'new' });
    expect(lines.filter((line) => line.includes('damaged'))).toHaveLength(1);
    expect((await command({ env: '2' }))['lib:build']).toMatchObject({ kind: 'changed' });
  });

  it('ends when its time is over, and when nothing can be written', async () => {
    expect(LIMITS.missReasonsMs.value).toBeLessThanOrEqual(5_000);
    await command({ limits: { missReasonsMs: 1, driftCommandMs: 1 } });
    writeFileSync(join(folder, 'report'), 'a file, where a folder is needed', { flag: 'a' });
    rmSync(join(folder, 'report'), { recursive: true, force: true });
    writeFileSync(join(folder, 'report'), 'a file, where a folder is needed');
    expect((await command({ env: '3' }))['lib:build']).toBeDefined();
    expect(lines.some((line) => line.startsWith('dte: why tasks were not cached is not known'))).toBe(true);
  });
});
