import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { GuardedCache } from '@org/dte-cache';
import { readLimits } from '@org/dte-protocol';
import { waitFor } from '@org/dte-testing';
import type { StoredArtifact } from '../src/artifacts/artifact-store';
import { FileArtifactStore } from '../src/artifacts/file-artifact-store';
import { StagedArtifacts } from '../src/artifacts/staged-artifacts';
import { artifactStoreContract } from '../src/artifacts/test-support/artifact-store.contract';
import { nodeFileSystem } from '../src/files/file-system';
import { StagingCache } from './support/staging';

/** As a coordinator opens it on its folder. */
class Bench {
  readonly said: string[] = [];
  readonly objects = new Map<string, Buffer>();
  readonly cache: StagingCache;

  private constructor(readonly root: string) {
    this.cache = new StagingCache(join(root, 'shared'), this.objects);
  }

  static async make(): Promise<Bench> {
    return new Bench(await mkdtemp(join(tmpdir(), 'dte-staged-')));
  }

  open(change: Partial<StagedArtifacts['options']['limits']> = {}): StagedArtifacts {
    const { limits } = readLimits({});
    const say = (line: string): void => void this.said.push(line);
    const { staging } = new GuardedCache(this.cache, { limits, say });
    return new StagedArtifacts(new FileArtifactStore(this.root), {
      root: this.root,
      fs: nodeFileSystem,
      staging: staging!,
      limits: { ...limits, directUploadBytes: 1, ...change },
      warn: (_, line) => void this.said.push(line),
    });
  }
}

artifactStoreContract('staged', async () => {
  const bench = await Bench.make();
  const artifacts = (sessionId: string): string => join(bench.root, sessionId, 'artifacts');
  return {
    store: bench.open(),
    leftovers: async (sessionId) => {
      const names = await readdir(artifacts(sessionId)).catch(() => []);
      return names.filter((name) => !/^(cache|terminal|attempt)-.+\.[0-9a-f]{64}$/.test(name));
    },
    damage: async (sessionId, change) => {
      const folder = artifacts(sessionId);
      for (const name of await readdir(folder))
        await writeFile(join(folder, name), change(await readFile(join(folder, name))));
    },
    cleanUp: () => rm(bench.root, { recursive: true }),
  };
});

describe('artifacts that jobs have put into a bucket', () => {
  const key = { kind: 'cache', sessionId: 's1', hash: 'h' } as const;
  const nameOf = (content: string) => ({
    bytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  });
  const HOW = { expectedBytes: null, maxBytes: 1_000 };
  const textOf = async (found: StoredArtifact | null): Promise<string | null> => {
    if (found === null) return null;
    return (found.body instanceof Readable ? await buffer(found.body) : found.body).toString();
  };
  let bench: Bench;
  let store: StagedArtifacts;
  beforeEach(async () => {
    bench = await Bench.make();
    store = bench.open();
  });
  afterEach(() => rm(bench.root, { recursive: true }));

  async function upload(content: string, to = store): Promise<void> {
    const address = await to.offer(key, nameOf(content));
    bench.objects.set(address!.url.replace('http://bucket.example/', ''), Buffer.from(content));
  }

  it('are those of the session after a restart, however many asked for the first address at once', async () => {
    await Promise.all(['a', 'b', 'c'].map((content) => upload(content)));
    expect(new Set([...bench.objects.keys()].map((each) => each.split('/')[0])).size).toBe(1);
    await store.commit(key, nameOf('b'), 'agent-1');
    const again = bench.open();
    expect([await again.has(key), await again.bytesOf(key)]).toEqual([true, 1]);
    expect(await textOf(await again.get(key))).toBe('b');
    expect(await again.elsewhere(key)).toMatchObject(nameOf('b'));
  });

  it('are stored once: the first one stays, wherever it is, and whoever says it again hears the same', async () => {
    await upload('first');
    await upload('second');
    const committing = ['first', 'second'].map((each) => store.commit(key, nameOf(each), 'agent-1'));
    const [first, second] = await Promise.allSettled(committing);
    expect(first?.status).toBe('fulfilled');
    expect(second).toMatchObject({ reason: { code: 'DTE_ARTIFACT_EXISTS' } });
    expect(await store.commit(key, nameOf('first'), 'agent-1')).toMatchObject(nameOf('first'));
    const others = [
      store.commit(key, nameOf('first'), 'agent-2'),
      store.put(key, Readable.from([Buffer.from('x')]), HOW),
      store.offer(key, nameOf('third')),
    ];
    for (const other of await Promise.allSettled(others))
      expect(other).toMatchObject({ reason: { code: 'DTE_ARTIFACT_EXISTS' } });
    expect(await textOf(await store.get(key))).toBe('first');
  });

  it('are not stored while another upload arrives here, of which there is one afterwards', async () => {
    await upload('there');
    const body = new PassThrough();
    const arriving = store.put(key, body, HOW);
    body.write('he');
    await waitFor('the upload', () => Promise.resolve(body.readableFlowing === true ? true : null));
    const commit = () => store.commit(key, nameOf('there'), 'agent-1');
    await expect(commit()).rejects.toMatchObject({ code: 'DTE_ARTIFACT_EXISTS' });
    body.end('re');
    await arriving;
    await expect(commit()).rejects.toMatchObject({ code: 'DTE_ARTIFACT_EXISTS' });
    expect([await store.elsewhere(key), await textOf(await store.get(key))]).toEqual([null, 'here']);
  });

  it('are stored after an upload that failed here', async () => {
    await upload('there');
    const body = new PassThrough();
    const arriving = store.put(key, body, HOW);
    body.write('he');
    await waitFor('the upload', () => Promise.resolve(body.readableFlowing === true ? true : null));
    body.destroy(new Error('cut'));
    await expect(arriving).rejects.toMatchObject({ code: 'DTE_ARTIFACT_INCOMPLETE' });
    await store.commit(key, nameOf('there'), 'agent-1');
    expect(await textOf(await store.get(key))).toBe('there');
  });

  it('count for a session by what it may put there, whatever it says of one digest', async () => {
    const tight = bench.open({ directUploadSessionBytes: 10 });
    expect(await tight.offer(key, { ...nameOf('x'), bytes: 6 })).not.toBeNull();
    expect(await tight.offer(key, { ...nameOf('x'), bytes: 6 })).not.toBeNull();
    expect(await tight.offer(key, { ...nameOf('x'), bytes: 7 })).toBeNull();
    expect(await tight.offer(key, { ...nameOf('y'), bytes: 4 })).not.toBeNull();
    expect(await tight.offer(key, { ...nameOf('z'), bytes: 1 })).toBeNull();
    // What no bucket takes in one request.
    expect(await store.offer(key, { ...nameOf('z'), bytes: 1_000_001 })).toBeNull();
    expect(await bench.open({ directUploadBytes: 5 }).offer(key, nameOf('tiny'))).toBeNull();
  });

  it('are missing once they are found damaged or gone, also after a restart', async () => {
    await upload('first');
    await store.commit(key, nameOf('first'), 'agent-1');
    expect(await store.check(key)).toBe('good');
    for (const name of bench.objects.keys()) bench.objects.set(name, Buffer.from('FIRST'));
    expect(await store.check(key)).toBe('removed');
    expect([await store.has(key), await store.get(key), await bench.open().has(key)]).toEqual([
      false,
      null,
      false,
    ]);
    await upload('second');
    await store.commit(key, nameOf('second'), 'agent-1');
    bench.objects.clear();
    expect([await store.get(key), await store.has(key), await bench.open().has(key)]).toEqual([
      null,
      false,
      false,
    ]);
    expect(bench.said).toHaveLength(2);
  });

  it('are missing when the bucket breaks off twice, and not at the first time', async () => {
    await upload('first');
    await store.commit(key, nameOf('first'), 'agent-1');
    for (const name of bench.objects.keys()) bench.objects.set(name, Buffer.from('fir'));
    const read = async () => textOf(await store.get(key));
    await expect(read()).rejects.toThrow();
    expect(await store.has(key)).toBe(true);
    await expect(read()).rejects.toThrow();
    await waitFor('its removal', async () => ((await store.has(key)) ? null : true));
  });

  it('go with their session, and with no other', async () => {
    await upload('mine');
    await store.commit(key, nameOf('mine'), 'agent-1');
    const other = { ...key, sessionId: 's2' };
    const { url } = (await store.offer(other, nameOf('mine')))!;
    bench.objects.set(url.replace('http://bucket.example/', ''), Buffer.from('mine'));
    await store.commit(other, nameOf('mine'), 'agent-1');
    expect(bench.objects.size).toBe(2);
    await bench.open().deleteSession('s1');
    await waitFor('their removal', () => Promise.resolve(bench.objects.size === 1 ? true : null));
    expect(await readdir(join(bench.root, 's1')).catch(() => [])).toEqual([]);
    expect(await textOf(await store.get(other))).toBe('mine');
  });
});
