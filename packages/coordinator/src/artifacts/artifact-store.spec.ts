import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileArtifactStore } from './file-artifact-store';
import { MemoryArtifactStore } from './memory-artifact-store';
import { artifactStoreContract } from './test-support/artifact-store.contract';

type Contents = Map<string, Map<string, { content: Buffer }>>;

artifactStoreContract('memory', () => {
  const store = new MemoryArtifactStore();
  return Promise.resolve({
    store,
    leftovers: () => Promise.resolve([]),
    damage: (sessionId, change) => {
      const sessions = Reflect.get(store, 'sessions') as Contents;
      for (const entry of sessions.get(sessionId)?.values() ?? []) entry.content = change(entry.content);
      return Promise.resolve();
    },
    cleanUp: () => Promise.resolve(),
  });
});

artifactStoreContract('file', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dte-artifacts-'));
  return {
    store: new FileArtifactStore(root),
    leftovers: async (sessionId) => {
      const names = await readdir(join(root, sessionId, 'artifacts')).catch(() => []);
      return names.filter((name) => !/^(cache|terminal|attempt)-.+\.[0-9a-f]{64}$/.test(name));
    },
    damage: async (sessionId, change) => {
      const folder = join(root, sessionId, 'artifacts');
      for (const name of await readdir(folder))
        await writeFile(join(folder, name), change(await readFile(join(folder, name))));
    },
    cleanUp: () => rm(root, { recursive: true }),
  };
});

it('ignores files without a complete sha256 in their name', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dte-artifacts-'));
  const folder = join(root, 's1', 'artifacts');
  await mkdir(folder, { recursive: true });
  for (const name of ['cache-1', 'cache-2.', 'cache-3.0123abc', `cache-4.${'A'.repeat(64)}`, 'other'])
    await writeFile(join(folder, name), 'of an earlier version, or of a crash');
  const store = new FileArtifactStore(root);
  const held = await Promise.all(
    ['1', '2', '3', '4'].map((hash) => store.has({ kind: 'cache', sessionId: 's1', hash })),
  );
  expect(held).toEqual([false, false, false, false]);
  await rm(root, { recursive: true });
});
