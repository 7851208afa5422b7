import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { accessTo, GuardedCache } from '@org/dte-cache';
import { readLimits } from '@org/dte-protocol';
import { FolderSharedCache } from '@org/dte-testing';
import { createHash } from 'node:crypto';
import type { CacheGrant } from '../auth/cache-grant';
import { Notices } from './notices';
import { SharedResults } from './shared-results';

const ISSUER = 'https://gitlab.example.com';
const grantFor = (issuer: string, write = 'trusted'): CacheGrant => ({
  access: accessTo({ issuer, projectId: '42' }, write),
  pipelineId: '1001',
  jobId: '7',
  commit: 'a'.repeat(40),
  ref: 'main',
});
const content = 'outputs';
const entry = {
  kind: 'cache' as const,
  hash: 'h',
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
  origin: { pipelineId: '900', jobId: '9', commit: 'c', ref: 'main', agent: 'a', taskId: 't', atMs: 1 },
};
const open = () => Readable.from([Buffer.from(content)]);

let root: string;
let store: FolderSharedCache;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dte-results-'));
  store = new FolderSharedCache(root);
});
afterEach(() => rmSync(root, { recursive: true }));

/** A coordinator that accepts jobs of these instances. */
const resultsFor = (...issuers: string[]): SharedResults =>
  new SharedResults(
    new GuardedCache(store, { limits: readLimits({}).limits, say: () => undefined }),
    issuers,
    new Notices(),
  );

it('a grant of an instance that is not accepted any more is worth nothing', async () => {
  const old = grantFor(ISSUER);
  const before = resultsFor(ISSUER);
  before.publish(old, entry, open);
  await before.flush();
  expect(await before.findOne(old, entry)).toMatchObject({ entry: { hash: 'h' } });
  expect(before.mayForget(old)).toBe(true);

  const after = resultsFor('https://gitlab.other.example');
  expect(await after.find(old, [entry, entry])).toEqual([null, null]);
  expect(after.mayForget(old)).toBe(false);
  after.publish(old, { ...entry, hash: 'new' }, open);
  await after.flush();
  expect(await before.findOne(old, { kind: 'cache', hash: 'new' })).toBeNull();
});

it('who has no grant finds nothing, stores nothing and forgets nothing', async () => {
  const results = resultsFor(ISSUER);
  results.publish(null, entry, open);
  await results.flush();
  expect(await results.findOne(grantFor(ISSUER), entry)).toBeNull();
  expect([await results.findOne(null, entry), results.mayForget(null)]).toEqual([null, false]);
  expect(results.mayForget(grantFor(ISSUER, 'own-1'))).toBe(false);
});
