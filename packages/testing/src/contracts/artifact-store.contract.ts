import { Readable } from 'node:stream';
import type { ArtifactKey, ArtifactStore, PutOptions, StoredArtifact } from '@org/dte-coordinator';
import { DteError } from '@org/dte-protocol';

/** One adapter under test, empty. */
export interface ArtifactStoreUnderTest {
  readonly store: ArtifactStore;
  /** Names of everything stored for a session that is not a whole artifact; empty when all is well. */
  leftovers(sessionId: string): Promise<string[]>;
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

/** A body that breaks off after its first chunk, as a lost connection does. */
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

async function contentOf(found: StoredArtifact | null): Promise<string | null> {
  if (found === null) return null;
  if (Buffer.isBuffer(found.body)) return found.body.toString('utf8');
  const chunks: Buffer[] = [];
  for await (const chunk of found.body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (thrown: unknown) => DteError.from(thrown).code,
  );

/** What every artifact store promises. */
export function artifactStoreContract(adapter: string, create: () => Promise<ArtifactStoreUnderTest>): void {
  describe(`artifact store: ${adapter}`, () => {
    let subject: ArtifactStoreUnderTest;
    let store: ArtifactStore;

    beforeEach(async () => {
      subject = await create();
      store = subject.store;
    });
    afterEach(async () => {
      expect(await subject.leftovers('s1')).toEqual([]);
      await subject.cleanUp();
    });

    it('has nothing under a key that nobody stored', async () => {
      expect(await store.has(cacheKey('1'))).toBe(false);
      expect(await store.get(cacheKey('1'))).toBeNull();
    });

    it('gives back what was stored, with its length', async () => {
      expect(await store.put(cacheKey('1'), bodyOf('ab', 'c'), { ...OPTIONS, expectedBytes: 3 })).toBe(3);
      const found = await store.get(cacheKey('1'));
      expect(found).toMatchObject({ bytes: 3 });
      expect(await contentOf(found)).toBe('abc');
      expect(await store.has(cacheKey('1'))).toBe(true);
    });

    it('says how large an artifact is, and keeps apart what one hash printed', async () => {
      expect(await store.bytesOf(cacheKey('1'))).toBeNull();
      await store.put(cacheKey('1'), bodyOf('abc'), OPTIONS);
      await store.put({ ...cacheKey('1'), kind: 'terminal' } as ArtifactKey, bodyOf('printed'), OPTIONS);
      store.unloadSession('s1');
      expect(await store.bytesOf(cacheKey('1'))).toBe(3);
      expect(await contentOf(await store.get(cacheKey('1')))).toBe('abc');
    });

    it('gives back a large artifact that came in many pieces', async () => {
      const pieces = Array.from({ length: 40 }, (_, index) => Buffer.alloc(50_000, String(index % 10)));
      await store.put(cacheKey('1'), bodyOf(...pieces), { ...OPTIONS, expectedBytes: 2_000_000 });
      const found = await store.get(cacheKey('1'));
      expect(found).toMatchObject({ bytes: 2_000_000 });
      expect(await contentOf(found)).toBe(Buffer.concat(pieces).toString('utf8'));
    });

    it('keeps an empty artifact', async () => {
      await store.put(cacheKey('1'), bodyOf(), { ...OPTIONS, expectedBytes: 0 });
      expect(await contentOf(await store.get(cacheKey('1')))).toBe('');
    });

    it('keeps the first of two artifacts under one key', async () => {
      await store.put(cacheKey('1'), bodyOf('first'), OPTIONS);
      expect(await codeOf(store.put(cacheKey('1'), bodyOf('second'), OPTIONS))).toBe('DTE_ARTIFACT_EXISTS');
      expect(await contentOf(await store.get(cacheKey('1')))).toBe('first');
    });

    it('keeps exactly one of many that come at the same time', async () => {
      const outcomes = await Promise.all(
        ['a', 'b', 'c', 'd'].map(async (text) => codeOf(store.put(cacheKey('1'), bodyOf(text), OPTIONS))),
      );
      expect(outcomes.filter((outcome) => outcome === 'no error')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'DTE_ARTIFACT_EXISTS')).toHaveLength(3);
    });

    it('does not show an artifact before it is complete', async () => {
      const body = new Readable({ read: () => undefined });
      const storing = store.put(cacheKey('1'), body, OPTIONS);
      body.push(Buffer.alloc(400_000, 'x'));
      expect(await store.has(cacheKey('1'))).toBe(false);
      body.push(null);
      await storing;
      expect(await store.has(cacheKey('1'))).toBe(true);
    });

    it('keeps nothing of an upload that breaks off, and takes the next one', async () => {
      expect(await codeOf(store.put(cacheKey('1'), brokenBody(), OPTIONS))).toBe('DTE_ARTIFACT_INCOMPLETE');
      expect(await store.has(cacheKey('1'))).toBe(false);
      await store.put(cacheKey('1'), bodyOf('whole'), OPTIONS);
      expect(await contentOf(await store.get(cacheKey('1')))).toBe('whole');
    });

    it('refuses an upload that is not as long as announced', async () => {
      const announced = { ...OPTIONS, expectedBytes: 5 };
      expect(await codeOf(store.put(cacheKey('1'), bodyOf('abc'), announced))).toBe(
        'DTE_ARTIFACT_INCOMPLETE',
      );
      expect(await store.has(cacheKey('1'))).toBe(false);
    });

    it('refuses an upload that announces more than the limit, before reading it', async () => {
      const body = bodyOf('abc');
      const options = { expectedBytes: 11, maxBytes: 10 };
      expect(await codeOf(store.put(cacheKey('1'), body, options))).toBe('DTE_ARTIFACT_TOO_LARGE');
      expect(body.readableDidRead).toBe(false);
    });

    it('refuses an upload that turns out to be larger than the limit, and leaves its body open', async () => {
      const body = bodyOf(Buffer.alloc(400_000), Buffer.alloc(400_000), Buffer.alloc(1));
      const options = { expectedBytes: null, maxBytes: 500_000 };
      expect(await codeOf(store.put(cacheKey('1'), body, options))).toBe('DTE_ARTIFACT_TOO_LARGE');
      expect(body.destroyed).toBe(false);
      expect(await store.has(cacheKey('1'))).toBe(false);
    });

    it('keeps sessions, namespaces, tasks and attempts apart', async () => {
      const keys = [
        cacheKey('1'),
        cacheKey('1', 's2'),
        attemptKey('app:build'),
        attemptKey('app:build', 2),
        attemptKey('app:test'),
      ];
      for (const [index, key] of keys.entries()) await store.put(key, bodyOf(String(index)), OPTIONS);
      const contents = await Promise.all(keys.map(async (key) => contentOf(await store.get(key))));
      expect(contents).toEqual(['0', '1', '2', '3', '4']);
    });

    it('takes task ids that are no file names', async () => {
      const ids = ['@scope/app:build:prod', '../../etc:passwd', `${'x'.repeat(1000)}:build`, 'ä ö:ü'];
      for (const id of ids) await store.put(attemptKey(id), bodyOf(id), OPTIONS);
      for (const id of ids) expect(await contentOf(await store.get(attemptKey(id)))).toBe(id);
    });

    it('forgets a session and nothing of another', async () => {
      await store.put(cacheKey('1'), bodyOf('a'), OPTIONS);
      await store.put(cacheKey('1', 's2'), bodyOf('b'), OPTIONS);
      await store.deleteSession('s1');
      expect(await store.has(cacheKey('1'))).toBe(false);
      expect(await store.has(cacheKey('1', 's2'))).toBe(true);
      await store.put(cacheKey('1'), bodyOf('again'), OPTIONS);
      expect(await contentOf(await store.get(cacheKey('1')))).toBe('again');
    });

    it('still has everything of a session that was unloaded', async () => {
      const large = 'x'.repeat(300_000);
      await store.put(cacheKey('1'), bodyOf('a'), OPTIONS);
      await store.put(cacheKey('2'), bodyOf(large), OPTIONS);
      store.unloadSession('s1');
      expect(await store.has(cacheKey('1'))).toBe(true);
      expect(await contentOf(await store.get(cacheKey('1')))).toBe('a');
      expect(await contentOf(await store.get(cacheKey('2')))).toBe(large);
      expect(await codeOf(store.put(cacheKey('1'), bodyOf('b'), OPTIONS))).toBe('DTE_ARTIFACT_EXISTS');
    });
  });
}
