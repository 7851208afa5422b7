import { packAttempt, type Held } from '@org/dte-client';
import { packEntry } from '@org/dte-nx-compat';
import { DteError, type CacheOrigin } from '@org/dte-protocol';
import { buffer } from 'node:stream/consumers';
import { Readable } from 'node:stream';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { plainOutputs, tempFolders, testLimits } from '@org/dte-testing';
import { endedEntry, finishedAttempt } from '../test-support/run-log';
import { isInShare, Rebuilds } from './rebuilds';

const ORIGIN: CacheOrigin = {
  scope: 'trusted',
  pipelineId: '4711',
  jobId: '12',
  commit: 'abc',
  agent: 'agent-9',
  atMs: Date.now(),
};
const AGENT = { agentId: 'x', name: 'agent-2', jobUrl: null };
const OTHERS = { taskId: 'app:build', hash: 'h', origin: ORIGIN };

type Files = Record<string, string>;
const folder = tempFolders();

/** An archive of outputs below `dist`; a text that begins with an arrow is a link, one with `#!` can be executed. */
function archive(files: Files, how: 'cache' | 'attempt', printed: string): Promise<Buffer> {
  const root = folder();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), join(root, path));
    else writeFileSync(join(root, path), text, { mode: text.startsWith('#!') ? 0o755 : 0o644 });
  }
  if (how === 'cache') return buffer(packEntry({ folder: root, terminalOutput: printed, code: 0 }));
  return buffer(
    packAttempt({
      workspaceRoot: root,
      outputs: ['dist'],
      port: plainOutputs(root),
      limits: testLimits(),
      terminalOutput: printed,
      meta: { taskId: 'app:build', hash: 'h', code: 0, status: 'success' },
    }),
  );
}

const FILES = { 'dist/main.js': 'x', 'dist/run': '#!x', 'dist/link': '-> main.js' };

/** One task is made again: what the cache had, what was made. */
async function compared(there: Files, here: Files, how: 'cache' | 'attempt' = 'cache') {
  let served = await archive(there, 'cache', 'built in 12 ms');
  let held: Held = new Map([['h', ORIGIN]]);
  const rebuilds = new Rebuilds({
    runId: 'r',
    share: 1,
    http: {
      askHeld: () => Promise.resolve(held),
      getCached: (hash, { ownOnly = false } = {}) =>
        ownOnly && held.get(hash) !== null
          ? Promise.reject(new DteError('DTE_UNKNOWN_HASH', 'nothing of this pipeline'))
          : Promise.resolve(Readable.from([served])),
      getAttempt: () => Promise.resolve(Readable.from([served])),
    },
  });
  expect(await rebuilds.chooses(OTHERS)).toBe(true);
  served = await archive(here, how, 'built in 15 ms');
  const made = (artifact: ReturnType<typeof finishedAttempt>['artifact']) =>
    rebuilds.onEntry(
      endedEntry(1, { taskId: 'app:build', agent: AGENT, result: finishedAttempt({ hash: 'h', artifact }) }),
    );
  return {
    rebuilds,
    stored: () => {
      held = new Map([['h', null]]);
      made(how === 'cache' ? { kind: 'cache', hash: 'h' } : { kind: 'attempt', attempt: 1 });
    },
  };
}

describe('a result that is made again', () => {
  it.each(['cache', 'attempt'] as const)(
    'is the same if its files are, in whatever archive (%s)',
    async (how) => {
      const { rebuilds, stored } = await compared(FILES, FILES, how);
      stored();
      const { lines, differences } = await rebuilds.finish(() => true);
      expect([...differences]).toEqual([]);
      expect(lines).toEqual(['dte: 1 result of other pipelines made again: 1 the same, 0 different']);
    },
  );

  it.each<[string, Files, string]>([
    ['another content of the same size', { ...FILES, 'dist/main.js': 'y' }, 'dist/main.js'],
    [
      'another executable bit',
      { ...FILES, 'dist/main.js': '#!', 'dist/run': 'x!x' },
      'dist/main.js, dist/run',
    ],
    ['another target of a link', { ...FILES, 'dist/link': '-> run' }, 'dist/link'],
    ['one file more', { ...FILES, 'dist/more': '' }, 'dist/more'],
    ['one file less', { 'dist/main.js': 'x', 'dist/run': '#!x' }, 'dist/link'],
  ])('is reported with both origins if it has %s', async (_, here, paths) => {
    const { rebuilds, stored } = await compared(FILES, here);
    stored();
    const { differences } = await rebuilds.finish(() => true);
    const error = differences.get('app:build');
    expect(error?.code).toBe('DTE_CACHE_DIFFERS');
    expect(error?.message).toMatch(/pipeline 4711, job 12, commit abc, agent-9.*this pipeline \(agent-2\)/);
    expect(error?.message).toContain(`: ${paths}.`);
  });

  it('is not compared with itself: what the cache serves must be of this pipeline', async () => {
    const { rebuilds } = await compared(FILES, FILES);
    const { lines, differences } = await rebuilds.finish(() => true);
    expect(differences.size).toBe(0);
    expect(lines[0]).toMatch(
      /^dte: app:build could not be compared with the shared cache: nothing of this pipeline/,
    );
    expect(lines[1]).toContain('0 the same, 0 different');
  });

  it('is named if it does not succeed here', async () => {
    const { rebuilds } = await compared(FILES, FILES);
    const { lines } = await rebuilds.finish(() => false);
    expect(lines[0]).toMatch(/it has not succeeded here \(trusted: pipeline 4711/);
  });

  it('is none if what the cache has cannot be read', async () => {
    const getCached = () => Promise.reject(new DteError('DTE_ARTIFACT_DAMAGED', 'damaged'));
    const http = { askHeld: () => Promise.resolve(new Map()), getCached, getAttempt: getCached };
    const rebuilds = new Rebuilds({ runId: 'r', share: 1, http });
    expect([await rebuilds.chooses(OTHERS), rebuilds.has('app:build')]).toEqual([false, false]);
  });
});

it('a hash decides whether its result is made again: always the same ones, about as many as asked for', () => {
  const hashes = Array.from({ length: 5_000 }, (_, index) => `hash-${String(index)}`);
  const chosen = (share: number): string[] => hashes.filter((hash) => isInShare(hash, share));
  expect([chosen(0).length, chosen(1).length]).toEqual([0, hashes.length]);
  expect(chosen(0.02).length).toBeGreaterThan(60);
  expect(chosen(0.02).length).toBeLessThan(140);
  expect(chosen(0.1)).toEqual(expect.arrayContaining(chosen(0.02)));
});
