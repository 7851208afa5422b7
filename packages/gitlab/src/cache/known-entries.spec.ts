import { type CacheIndex, parseIndex, type Pointer, writeIndex } from './index-file';
import { KnownEntries } from './known-entries';
import { entryOf } from './test-support/project';

const NOW_MS = 1_790_000_000_000;
const DAY_MS = 86_400_000;

const pointer = (hash: string, pipelineId: string, change: Partial<Pointer> = {}): Pointer => {
  const entry = entryOf(hash, `${hash} of ${pipelineId}`);
  return {
    ...entry,
    origin: { ...entry.origin, pipelineId },
    jobId: pipelineId,
    expiresAtMs: null,
    ...change,
  };
};
const index = (
  pipelineId: string,
  entries: Pointer[],
  forgotten: CacheIndex['forgotten'] = [],
): CacheIndex => ({
  pipelineId,
  jobId: pipelineId,
  scope: 'trusted',
  entries,
  forgotten,
});
const named = (hash: string) => ({ kind: 'cache', hash }) as const;
const known = (...indexes: CacheIndex[]): KnownEntries => new KnownEntries(indexes, NOW_MS);

describe('what earlier pipelines have left', () => {
  it('is, of two entries with one name, that of the first index', () => {
    const { all } = known(
      index('2', [pointer('a', '2')]),
      index('1', [pointer('a', '1'), pointer('b', '1')]),
    );
    expect(all.map(({ hash, jobId }) => `${hash} ${jobId}`)).toEqual(['a 2', 'b 1']);
  });

  it('is nothing that has expired', () => {
    const entries = [
      pointer('a', '1', { expiresAtMs: NOW_MS }),
      pointer('b', '1', { expiresAtMs: NOW_MS + 1 }),
      pointer('c', '1'),
    ];
    expect(known(index('1', entries)).all.map(({ hash }) => hash)).toEqual(['b', 'c']);
  });

  it('is nothing of a pipeline that another index has forgotten, wherever it is found', () => {
    const forgotten = [{ pipelineId: '1', untilMs: NOW_MS + DAY_MS }];
    const found = known(
      index('3', [pointer('a', '1'), pointer('b', '3')]),
      index('2', [pointer('c', '2')], forgotten),
      // It may say what it wants about the origin of its entries.
      index('1', [pointer('d', '0')]),
    );
    expect(found.all.map(({ hash }) => hash)).toEqual(['b', 'c']);
    expect(found.forgotten).toEqual(forgotten);
  });

  it('is there again when everything that was forgotten has expired', () => {
    const found = known(index('2', [pointer('a', '1')], [{ pipelineId: '1', untilMs: NOW_MS }]));
    expect([found.find(named('a'))?.jobId, found.forgotten]).toEqual(['1', []]);
  });

  it('forgets a pipeline for 30 days, and drops an entry only if it is still the same', () => {
    const found = known(index('2', [pointer('a', '1'), pointer('b', '2')]));
    expect(found.forget('1').map(({ hash }) => hash)).toEqual(['a']);
    expect(found.forgotten).toEqual([{ pipelineId: '1', untilMs: NOW_MS + 30 * DAY_MS }]);
    found.drop(pointer('b', '3'));
    expect(found.find(named('b'))).toBeDefined();
    found.drop(pointer('b', '2'));
    expect(found.find(named('b'))).toBeUndefined();
  });
});

describe('an index', () => {
  const limits = { cacheIndexBytes: 1_000_000, cacheIndexEntries: 1_000 };
  const written = index(
    '2',
    [pointer('a', '1', { expiresAtMs: NOW_MS }), pointer('b', '2')],
    [{ pipelineId: '9', untilMs: NOW_MS }],
  );

  it('is read as it was written; its own entries expire with the artifacts that it is among', () => {
    const read = parseIndex(writeIndex(written, limits), NOW_MS + DAY_MS);
    expect(read).toEqual({
      ...written,
      entries: [
        pointer('b', '2', { expiresAtMs: NOW_MS + DAY_MS }),
        pointer('a', '1', { expiresAtMs: NOW_MS }),
      ],
    });
  });

  it('attributes its own entries to its pipeline, whatever they say', () => {
    const lying = index('2', [{ ...pointer('a', '1'), jobId: '2' }]);
    expect(parseIndex(writeIndex(lying, limits), null)?.entries[0]?.origin.pipelineId).toBe('2');
  });

  it('keeps its own entries before others if there are too many bytes', () => {
    const size = writeIndex(written, limits).length;
    const read = parseIndex(writeIndex(written, { ...limits, cacheIndexBytes: size - 1 }), null);
    expect(read?.entries.map(({ hash }) => hash)).toEqual(['b']);
  });

  it.each([
    ['no JSON', '{'],
    ['another version', writeIndex(written, limits).replace('"version":1', '"version":2')],
    ['a digest that is a path', writeIndex(written, limits).replace(/"sha256":"[^"]*"/, '"sha256":"../x"')],
    ['a job that is a path', writeIndex(written, limits).replace('"jobId":"1"', '"jobId":"1/../2"')],
  ])('is none with %s', (_, text) => expect(parseIndex(text, null)).toBeNull());
});
