import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { artifactStoreContract } from '@org/dte-testing';
import { FileArtifactStore } from './file-artifact-store';
import { MemoryArtifactStore } from './memory-artifact-store';

artifactStoreContract('memory', () =>
  Promise.resolve({
    store: new MemoryArtifactStore(),
    leftovers: () => Promise.resolve([]),
    cleanUp: () => Promise.resolve(),
  }),
);

artifactStoreContract('file', async () => {
  const root = await mkdtemp(join(tmpdir(), 'dte-artifacts-'));
  return {
    store: new FileArtifactStore(root),
    leftovers: async (sessionId) => {
      const names = await readdir(join(root, sessionId, 'artifacts')).catch(() => []);
      return names.filter((name) => !/^(cache|terminal|attempt)-/.test(name));
    },
    cleanUp: () => rm(root, { recursive: true }),
  };
});
