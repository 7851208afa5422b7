import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ArtifactKey, ArtifactStore, PutOptions, StoredArtifact } from '../artifact-store';
import { DteError } from '@org/dte-protocol';

/** One adapter under test, empty. */
export interface ArtifactStoreUnderTest {
  readonly store: ArtifactStore;
  /** Names of everything stored for a session that is not a complete artifact; empty if all is well. */
  leftovers(sessionId: string): Promise<string[]>;
  /** Changes the stored bytes of the only artifact of a session directly, as a failing disk does. */
  damage(sessionId: string, change: (content: Buffer) => Buffer): Promise<void>;
  cleanUp(): Promise<void>;
}

const OPTIONS: PutOptions = { expectedBytes: null, maxBytes: 10_000_000 };
const cacheKey = (hash: string, sessionId = 's1'): ArtifactKey => ({ kind: 'cache', sessionId, hash });
const attemptKey = (taskId: string, attempt = 1): ArtifactKey => ({
  kind: 'attempt',
  sessionId: 's1',
  runId: 'r1',
  taskId,
  attempt,
});

const bodyOf = (...chunks: (string | Buffer)[]): Readable =>
  Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

/** A body that breaks off after its first chunk, like a lost connection. */
const brokenBody = (): Readable => {
  let sent = false;
  return new Readable({
    read() {
      if (sent) this.destroy(new Error('connection reset'));
      else this.push(Buffer.alloc(300_000, 'x'));
      sent = true;
    },
  });
};

async function bytesOf(found: StoredArtifact | null): Promise<Buffer | null> {
  if (found === null) return null;
  if (Buffer.isBuffer(found.body)) return found.body;
  const chunks: Buffer[] = [];
  for await (const chunk of found.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const contentOf = async (found: StoredArtifact | null): Promise<string | null> =>
  (await bytesOf(found))?.toString('utf8') ?? null;

const sha256Of = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

const flipped = (content: Buffer, at: number): Buffer => {
  const changed = Buffer.from(content);
  changed[at] = (changed[at] ?? 0) ^ 1;
  return changed;
};

/** Every way in which the bytes can differ from the stored ones. */
const DAMAGES: readonly (readonly [string, (content: Buffer) => Buffer])[] = [
  ['its first byte is another', (content) => flipped(content, 0)],
  ['one bit in its middle is another', (content) => flipped(content, content.length >> 1)],
  ['its last byte is another', (content) => flipped(content, content.length - 1)],
  ['its end is missing', (content) => content.subarray(0, -1)],
  ['its beginning is missing', (content) => content.subarray(1)],
  ['there is something behind it', (content) => Buffer.concat([content, Buffer.from([0])])],
  ['it is empty', () => Buffer.alloc(0)],
  ['it is all zeroes', (content) => Buffer.alloc(content.length)],
  ['it is that of another key', () => Buffer.from('of another key')],
];

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (thrown: unknown) => DteError.from(thrown).code,
  );

/** The contract of every artifact store. */
export function artifactStoreContract(adapter: string, create: () => Promise<ArtifactStoreUnderTest>): void {
  describe(`artifact store: ${adapter}`, () => {
    let current: ArtifactStoreUnderTest;
    beforeEach(async () => {
      current = await create();
    });
    afterEach(async () => {
      expect(await current.leftovers('s1')).toEqual([]);
      await current.cleanUp();
    });

    const subject = (): ArtifactStoreUnderTest => current;
    keepsContent(subject);
    keepsTheFirst(subject);
    refusesUploads(subject);
    keepsApart(subject);
    keepsChecksums(subject);
    findsDamage(subject);
  });
}

function keepsContent(subject: () => ArtifactStoreUnderTest): void {
  const store = (): ArtifactStore => subject().store;

  it('has nothing under a key before something is stored', async () => {
    expect(await store().has(cacheKey('1'))).toBe(false);
    expect(await store().get(cacheKey('1'))).toBeNull();
  });

  it('returns what was stored, with its length', async () => {
    expect(await store().put(cacheKey('1'), bodyOf('ab', 'c'), { ...OPTIONS, expectedBytes: 3 })).toEqual({
      bytes: 3,
      sha256: sha256Of('abc'),
    });
    const found = await store().get(cacheKey('1'));
    expect(found).toMatchObject({ bytes: 3 });
    expect(await contentOf(found)).toBe('abc');
    expect(await store().has(cacheKey('1'))).toBe(true);
  });

  it('reports the size of an artifact, and separates the terminal output of a hash', async () => {
    expect(await store().bytesOf(cacheKey('1'))).toBeNull();
    await store().put(cacheKey('1'), bodyOf('abc'), OPTIONS);
    await store().put({ ...cacheKey('1'), kind: 'terminal' } as ArtifactKey, bodyOf('printed'), OPTIONS);
    store().unloadSession('s1');
    expect(await store().bytesOf(cacheKey('1'))).toBe(3);
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('abc');
  });

  it('returns a large artifact that arrived in many pieces', async () => {
    const pieces = Array.from({ length: 40 }, (_, index) => Buffer.alloc(50_000, String(index % 10)));
    await store().put(cacheKey('1'), bodyOf(...pieces), { ...OPTIONS, expectedBytes: 2_000_000 });
    const found = await store().get(cacheKey('1'));
    expect(found).toMatchObject({ bytes: 2_000_000 });
    expect(await contentOf(found)).toBe(Buffer.concat(pieces).toString('utf8'));
  });

  it('stores an empty artifact', async () => {
    await store().put(cacheKey('1'), bodyOf(), { ...OPTIONS, expectedBytes: 0 });
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('');
  });
}

function keepsTheFirst(subject: () => ArtifactStoreUnderTest): void {
  const store = (): ArtifactStore => subject().store;

  it('keeps the first of two artifacts under one key', async () => {
    await store().put(cacheKey('1'), bodyOf('first'), OPTIONS);
    expect(await codeOf(store().put(cacheKey('1'), bodyOf('second'), OPTIONS))).toBe('DTE_ARTIFACT_EXISTS');
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('first');
  });

  it('keeps exactly one of many that arrive at the same time', async () => {
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (text) => codeOf(store().put(cacheKey('1'), bodyOf(text), OPTIONS))),
    );
    expect(outcomes.filter((outcome) => outcome === 'no error')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'DTE_ARTIFACT_EXISTS')).toHaveLength(3);
  });

  it('does not show an artifact before it is complete', async () => {
    const body = new Readable({ read: () => undefined });
    const storing = store().put(cacheKey('1'), body, OPTIONS);
    body.push(Buffer.alloc(400_000, 'x'));
    expect(await store().has(cacheKey('1'))).toBe(false);
    body.push(null);
    await storing;
    expect(await store().has(cacheKey('1'))).toBe(true);
  });
}

function refusesUploads(subject: () => ArtifactStoreUnderTest): void {
  const store = (): ArtifactStore => subject().store;

  it('stores nothing of an upload that breaks off, and accepts the next one', async () => {
    expect(await codeOf(store().put(cacheKey('1'), brokenBody(), OPTIONS))).toBe('DTE_ARTIFACT_INCOMPLETE');
    expect(await store().has(cacheKey('1'))).toBe(false);
    await store().put(cacheKey('1'), bodyOf('whole'), OPTIONS);
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('whole');
  });

  it('rejects an upload whose length differs from the announced one', async () => {
    const announced = { ...OPTIONS, expectedBytes: 5 };
    expect(await codeOf(store().put(cacheKey('1'), bodyOf('abc'), announced))).toBe(
      'DTE_ARTIFACT_INCOMPLETE',
    );
    expect(await store().has(cacheKey('1'))).toBe(false);
  });

  it('rejects an upload that announces more than the limit, before reading it', async () => {
    const body = bodyOf('abc');
    const options = { expectedBytes: 11, maxBytes: 10 };
    expect(await codeOf(store().put(cacheKey('1'), body, options))).toBe('DTE_ARTIFACT_TOO_LARGE');
    expect(body.readableDidRead).toBe(false);
  });

  it('rejects an upload that exceeds the limit, and leaves its body open', async () => {
    const body = bodyOf(Buffer.alloc(400_000), Buffer.alloc(400_000), Buffer.alloc(1));
    const options = { expectedBytes: null, maxBytes: 500_000 };
    expect(await codeOf(store().put(cacheKey('1'), body, options))).toBe('DTE_ARTIFACT_TOO_LARGE');
    expect(body.destroyed).toBe(false);
    expect(await store().has(cacheKey('1'))).toBe(false);
  });

  it('stores an upload with the announced sha256, and nothing of one with another', async () => {
    const announced = { ...OPTIONS, expectedSha256: sha256Of('abc') };
    expect(await codeOf(store().put(cacheKey('1'), bodyOf('abd'), announced))).toBe('DTE_ARTIFACT_DAMAGED');
    expect(await store().has(cacheKey('1'))).toBe(false);
    await store().put(cacheKey('1'), bodyOf('abc'), announced);
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('abc');
  });
}

function keepsApart(subject: () => ArtifactStoreUnderTest): void {
  const store = (): ArtifactStore => subject().store;

  it('separates sessions, namespaces, tasks and attempts', async () => {
    const keys = [
      cacheKey('1'),
      cacheKey('1', 's2'),
      attemptKey('app:build'),
      attemptKey('app:build', 2),
      attemptKey('app:test'),
    ];
    for (const [index, key] of keys.entries()) await store().put(key, bodyOf(String(index)), OPTIONS);
    const contents = await Promise.all(keys.map(async (key) => contentOf(await store().get(key))));
    expect(contents).toEqual(['0', '1', '2', '3', '4']);
  });

  it('accepts task ids that are not valid file names', async () => {
    const ids = ['@scope/app:build:prod', '../../etc:passwd', `${'x'.repeat(1000)}:build`, 'ä ö:ü'];
    for (const id of ids) await store().put(attemptKey(id), bodyOf(id), OPTIONS);
    for (const id of ids) expect(await contentOf(await store().get(attemptKey(id)))).toBe(id);
  });

  it('deletes a session and nothing of another', async () => {
    await store().put(cacheKey('1'), bodyOf('a'), OPTIONS);
    await store().put(cacheKey('1', 's2'), bodyOf('b'), OPTIONS);
    await store().deleteSession('s1');
    expect(await store().has(cacheKey('1'))).toBe(false);
    expect(await store().has(cacheKey('1', 's2'))).toBe(true);
    await store().put(cacheKey('1'), bodyOf('again'), OPTIONS);
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('again');
  });

  it('still has everything of an unloaded session', async () => {
    const large = 'x'.repeat(300_000);
    await store().put(cacheKey('1'), bodyOf('a'), OPTIONS);
    await store().put(cacheKey('2'), bodyOf(large), OPTIONS);
    store().unloadSession('s1');
    expect(await store().has(cacheKey('1'))).toBe(true);
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('a');
    expect(await contentOf(await store().get(cacheKey('2')))).toBe(large);
    expect(await codeOf(store().put(cacheKey('1'), bodyOf('b'), OPTIONS))).toBe('DTE_ARTIFACT_EXISTS');
  });
}

function keepsChecksums(subject: () => ArtifactStoreUnderTest): void {
  const store = (): ArtifactStore => subject().store;

  it('keeps the announced sha256 in every namespace, also after unloading', async () => {
    const large = Buffer.alloc(700_000, 'large');
    const terminal = { ...cacheKey('1'), kind: 'terminal' } as ArtifactKey;
    await store().put(cacheKey('1'), bodyOf(large), OPTIONS);
    await store().put(terminal, bodyOf('printed'), OPTIONS);
    await store().put(attemptKey('app:build'), bodyOf(), OPTIONS);
    for (let unloaded = 0; unloaded < 2; unloaded++) {
      const found = await Promise.all(
        [cacheKey('1'), terminal, attemptKey('app:build')].map((key) => store().get(key)),
      );
      expect(found.map((each) => each?.sha256)).toEqual([large, 'printed', ''].map(sha256Of));
      await Promise.all(found.map(bytesOf));
      store().unloadSession('s1');
    }
  });

  it('leaves a good artifact alone, however often it is checked, and does not know one it never had', async () => {
    expect(await store().check(cacheKey('1'))).toBe('absent');
    await store().put(cacheKey('1'), bodyOf('good'), OPTIONS);
    const doubts = await Promise.all([1, 2, 3].map(() => store().check(cacheKey('1'))));
    expect(doubts).toEqual(['good', 'good', 'good']);
    expect(await contentOf(await store().get(cacheKey('1')))).toBe('good');
  });
}

function findsDamage(subject: () => ArtifactStoreUnderTest): void {
  const store = (): ArtifactStore => subject().store;

  describe.each([
    ['small', Buffer.from('some content')],
    ['large', Buffer.alloc(700_000, 'content')],
  ])('a %s artifact that was damaged', (_, content) => {
    it.each(DAMAGES)('has another sha256 than the announced one if %s', async (_how, change) => {
      await store().put(cacheKey('1'), bodyOf(content), OPTIONS);
      await subject().damage('s1', change);
      const found = await store().get(cacheKey('1'));
      expect(found?.sha256).toBe(sha256Of(content));
      expect(sha256Of((await bytesOf(found)) ?? '')).not.toBe(found?.sha256);
    });

    it.each(DAMAGES)(
      'is removed when somebody doubts it and makes room for a good one: %s',
      async (_how, change) => {
        await store().put(cacheKey('1'), bodyOf(content), OPTIONS);
        await subject().damage('s1', change);
        // A restart forgets the cached size.
        store().unloadSession('s1');
        const [first, second] = await Promise.all([
          store().check(cacheKey('1')),
          store().check(cacheKey('1')),
        ]);
        expect([first, second]).toContain('removed');
        expect([first, second]).not.toContain('good');
        expect(await store().has(cacheKey('1'))).toBe(false);
        expect(await store().get(cacheKey('1'))).toBeNull();
        await store().put(cacheKey('1'), bodyOf(content), OPTIONS);
        expect(await store().check(cacheKey('1'))).toBe('good');
      },
    );
  });
}
