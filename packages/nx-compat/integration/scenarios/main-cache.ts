import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expandOutputs, openCache, removeOutputs, runWithDefaultRunner } from '../../src';
import { prepareMainJob } from '../support/main-job';

export interface MainCacheInput {
  workspaceRoot: string;
  remoteCache: { url: string; token: string };
  /** Fill the local cache first by running everything. */
  runFirst: boolean;
}

export interface MainCacheResult {
  remoteKind: string;
  tokenLeft: boolean;
  found: string[];
  fetched: Record<string, string>;
  uploaded: Record<string, string>;
  outputs: string[];
  outputsAfterRemoval: string[];
}

/** What the main job does with Nx's cache before and after distributing. */
export async function run(input: MainCacheInput): Promise<MainCacheResult> {
  const { options, context } = await prepareMainJob(['build']);
  const tasks = Object.values(context.taskGraph.tasks);
  if (input.runFirst) await runWithDefaultRunner(tasks, options, context);
  const cache = await openCache({ workspaceRoot: input.workspaceRoot, remoteCache: input.remoteCache });
  const found = await cache.lookupLocal(tasks);
  const uploaded: Record<string, string> = {};
  const fetched: Record<string, string> = {};
  for (const task of tasks) {
    const entry = found.get(task.id);
    if (entry) uploaded[task.id] = (await cache.uploadFromLocal(task, entry)).kind;
    rmSync(join(input.workspaceRoot, 'packages', task.target.project, 'dist'), { recursive: true, force: true });
    const result = await cache.fetch(task);
    const onDisk = existsSync(join(input.workspaceRoot, 'packages', task.target.project, 'dist/out.txt'));
    fetched[task.id] = `${result.kind}${onDisk ? ' on disk' : ''}`;
  }
  const outputs = expandOutputs(input.workspaceRoot, ['packages/good/dist', 'packages/good/nothing']);
  removeOutputs(input.workspaceRoot, ['packages/good/dist']);
  return {
    remoteKind: cache.remoteKind,
    tokenLeft: process.env['NX_SELF_HOSTED_REMOTE_CACHE_ACCESS_TOKEN'] !== undefined,
    found: [...found.keys()].sort(),
    fetched,
    uploaded,
    outputs,
    outputsAfterRemoval: expandOutputs(input.workspaceRoot, ['packages/good/dist']),
  };
}
