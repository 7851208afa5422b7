import type { CacheEntry } from '../port/shared-cache';
import { entryOfText, textOfEntry } from './entry-text';

const ENTRY: CacheEntry = {
  kind: 'terminal',
  hash: '1',
  bytes: 12,
  sha256: 'ab'.repeat(32),
  origin: {
    pipelineId: '4711',
    jobId: null,
    commit: 'c'.repeat(40),
    ref: null,
    agent: 'agent ✓',
    taskId: '@scope/app:build:prod',
    atMs: 1_790_000_000_000,
  },
};
const json = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('the text of an entry', () => {
  it('says everything, in letters of headers and keys', () => {
    const text = textOfEntry(ENTRY);
    expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(entryOfText(ENTRY, text)).toEqual(ENTRY);
  });

  it('fits into the metadata of an object, with shorter names if it must', () => {
    const origin = {
      ...ENTRY.origin,
      ref: 'r'.repeat(900),
      taskId: '✓'.repeat(900),
      agent: '👍'.repeat(900),
    };
    const text = textOfEntry({ ...ENTRY, origin });
    expect(text.length).toBeLessThanOrEqual(1_900);
    expect(entryOfText(ENTRY, text)).toMatchObject({
      sha256: ENTRY.sha256,
      origin: { pipelineId: '4711', ref: `${'r'.repeat(99)}…`, agent: `${'👍'.repeat(99)}…` },
    });
  });

  it.each(['', '%%', json({}), json([1, 2]), json(['x', 1, '1', null, '', null, '', '', 1])])(
    'is nothing if it is not ours: %j',
    (text) => expect(entryOfText(ENTRY, text)).toBeNull(),
  );
});
