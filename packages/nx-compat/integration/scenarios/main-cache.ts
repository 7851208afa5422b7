import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache, removeOutputs, type ArtifactReader } from '../../src';
import { expandOutputs } from '../../src/outputs';
import { prepareMainJob, runAll } from '../support/main-job';

export interface MainCacheInput {
  workspaceRoot: string;
  remoteCache: { url: string; token: string };
  /** Fill the local cache first by running everything. */
  runFirst: boolean;
  /** Instead of Nx's own client: creates the entry itself, or finds the artifact damaged. */
  reader?: 'makes' | 'refuses';
}

export interface MainCacheResult {
  remoteKind: string;
  tokenLeft: boolean;
  found: string[];
  fetched: Record<string, string>;
  /** The requests to the reader. */
  asked: unknown[];
  uploaded: Record<string, string>;
  outputs: string[];
  outputsAfterRemoval: string[];
}

const readerThat = (does: 'makes' | 'refuses', asked: unknown[]): ArtifactReader => ({
  retrieve({ hash, taskId, outputs, cacheDirectory }) {
    asked.push({ taskId, outputs });
    if (does === 'refuses') return Promise.reject(new TypeError('It is damaged.'));
    const outputsPath = join(cacheDirectory, hash);
    for (const output of outputs) {
      mkdirSync(join(outputsPath, output), { recursive: true });
      writeFileSync(join(outputsPath, output, 'out.txt'), 'data\n');
    }
    return Promise.resolve({ code: 0, terminalOutput: 'printed', outputsPath });
  },
});

/** What the main job does with Nx's cache before and after distributing. */
export async function run(input: MainCacheInput): Promise<MainCacheResult> {
  const job = await prepareMainJob(['build']);
  const tasks = Object.values(job.context.taskGraph.tasks);
  if (input.runFirst) await runAll(job);
  const asked: unknown[] = [];
  const cache = await openCache({
    workspaceRoot: input.workspaceRoot,
    remoteCache: input.remoteCache,
    ...(input.reader === undefined ? {} : { reader: readerThat(input.reader, asked) }),
  });
  const found = await cache.lookupLocal(tasks);
  const uploaded: Record<string, string> = {};
  const fetched: Record<string, string> = {};
  for (const task of tasks) {
    const entry = found.get(task.id);
    if (entry) uploaded[task.id] = (await cache.uploadFromLocal(task, entry)).kind;
    rmSync(join(input.workspaceRoot, 'packages', task.target.project, 'dist'), { recursive: true, force: true });
    const result = await cache.fetch(task);
    const onDisk = existsSync(join(input.workspaceRoot, 'packages', task.target.project, 'dist/out.txt'));
    const code = result.kind === 'error' && result.cause instanceof TypeError ? ' as thrown' : '';
    fetched[task.id] = `${result.kind}${onDisk ? ' on disk' : ''}${code}`;
  }
  const outputs = expandOutputs(input.workspaceRoot, ['packages/good/dist', 'packages/good/nothing']);
  removeOutputs(input.workspaceRoot, ['packages/good/dist']);
  return {
    remoteKind: cache.remoteKind,
    tokenLeft: process.env['NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN'] !== undefined,
    found: [...found.keys()].sort(),
    fetched,
    asked,
    uploaded,
    outputs,
    outputsAfterRemoval: expandOutputs(input.workspaceRoot, ['packages/good/dist']),
  };
}
