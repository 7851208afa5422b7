import type { CacheUse } from '@org/dte-nx-compat';
import { packEntry } from '@org/dte-nx-compat';
import type { CacheOrigin, DteError } from '@org/dte-protocol';
import { tempFolders } from '@org/dte-testing';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { endedEntry, finishedAttempt } from '../test-support/run-log';
import { graphOf, noProjects } from '../test-support/tasks';
import { SharedResults, type SharedResultsOptions } from './shared-results';

const ORIGIN: CacheOrigin = {
  scope: 'trusted',
  pipelineId: '4711',
  jobId: '12',
  commit: 'abc',
  agent: 'agent-9',
  atMs: Date.now(),
};
const OTHERS = { taskId: 'app:build', hash: 'h', origin: ORIGIN };
const STATUSES = { 'app:build': 'success', 'lib:build': 'success' } as const;
const folder = tempFolders();

function archive(text: string): Promise<Buffer> {
  const root = folder();
  mkdirSync(join(root, 'dist'));
  writeFileSync(join(root, 'dist/main.js'), text);
  return buffer(packEntry({ folder: root, terminalOutput: text, code: 0 }));
}

/** A command with `cacheVerify: 1`, for which the shared cache has `there` and agents make `here`. */
async function command(config: { cacheVerifyFail: boolean; alone?: boolean }, there: string, here: string) {
  let served = await archive(there);
  let use: (taskId: string) => CacheUse = () => ({ local: true, shared: true, published: true });
  const lines: string[] = [];
  const explained: string[] = [];
  const http = {
    askHeld: () => Promise.resolve(new Map([['h', null]])),
    getCached: () => Promise.resolve(Readable.from([served])),
  };
  const { cacheVerifyFail, alone = false } = config;
  // The parts of a prepared command that this needs.
  const prepared = {
    alone,
    resolved: { config: { cacheTrust: {}, cacheVerify: 1, cacheVerifyFail } },
    session: { http },
    cache: { limit: (limit: typeof use) => void (use = limit) },
  } as unknown as SharedResultsOptions['prepared'];
  const results = new SharedResults({
    prepared,
    runId: 'r',
    graph: graphOf({ 'app:build': [], 'lib:build': [] }),
    projectGraph: noProjects,
    command: { skipRemoteCache: false, verbose: false },
    voice: {
      line: (text) => void lines.push(text),
      explain: ({ code }: DteError) => void explained.push(code),
    },
    onOrigin: () => undefined,
  });
  expect(use('app:build')).toEqual({ local: true, shared: true, published: true });
  expect(await results.rebuilds.chooses(OTHERS)).toBe(true);
  served = await archive(here);
  const result = (hash: string) => finishedAttempt({ hash, artifact: { kind: 'cache', hash } });
  return {
    results,
    lines,
    explained,
    use: (taskId: string) => use(taskId),
    ended: (hash = 'h') => results.onEntry(endedEntry(1, { taskId: 'app:build', result: result(hash) })),
  };
}

describe('what is made again', () => {
  it('uses nothing that another pipeline has made, and what it makes is stored for others', async () => {
    const { results, use } = await command({ cacheVerifyFail: false }, 'x', 'x');
    expect(use('app:build')).toEqual({ local: false, shared: false, published: true });
    expect(results.sharingOf('app:build')).toBe('this-pipeline');
    expect(use('lib:build')).toEqual({ local: true, shared: true, published: true });
  });

  it.each([
    [false, 'success'],
    [true, 'failure'],
  ] as const)('is told if it differs; with cacheVerifyFail: %s, its task is a %s', async (fail, status) => {
    const { results, ended, explained, lines } = await command({ cacheVerifyFail: fail }, 'x', 'y');
    ended();
    expect(await results.finish(STATUSES, false)).toEqual({ 'app:build': status, 'lib:build': 'success' });
    expect(explained).toEqual(['DTE_CACHE_DIFFERS']);
    expect(lines).toEqual(['dte: 1 result of other pipelines made again: 0 the same, 1 different']);
  });

  it('fails nothing if it is the same', async () => {
    const { results, ended, explained } = await command({ cacheVerifyFail: true }, 'x', 'x');
    ended();
    expect([await results.finish(STATUSES, false), explained]).toEqual([STATUSES, []]);
  });

  it('cannot be compared if an agent made it under another hash', async () => {
    const { results, ended, lines } = await command({ cacheVerifyFail: true }, 'x', 'y');
    ended('other');
    expect(await results.finish(STATUSES, false)).toEqual(STATUSES);
    expect(lines[0]).toMatch(/^dte: app:build could not be compared .*it has the hash other here, not h/);
  });

  it.each([
    ['without a coordinator', true, false],
    ['if it was lost', false, true],
  ])('is not compared %s', async (_, alone, lost) => {
    const { results, ended, lines } = await command({ cacheVerifyFail: true, alone }, 'x', 'y');
    ended();
    expect([await results.finish(STATUSES, lost), lines]).toEqual([STATUSES, []]);
  });
});
