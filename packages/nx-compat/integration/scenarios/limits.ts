import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTaskHost, openCache, runSubsetWithDefaultRunner, type ArtifactReader } from '../../src';
import { taskGraphOf } from '../support/graph';
import { prepareMainJob, runAll } from '../support/main-job';

export interface LimitsInput {
  workspaceRoot: string;
  /** Omitted: the workspace's own remote cache, if any. */
  remoteCache?: { url: string; token: string };
}

export interface LimitsResult {
  remoteKind: string;
  /** Each step, and the content of the output after it. */
  steps: Record<string, string>;
  /** `ownOnly` of each request to the reader. */
  asked: boolean[];
}

/** A task that must be made in this pipeline, on a machine whose cache has it from an earlier one. */
export async function run({ workspaceRoot, remoteCache }: LimitsInput): Promise<LimitsResult> {
  const job = await prepareMainJob(['build']);
  const task = job.context.taskGraph.tasks['good:build'];
  if (task === undefined) throw new Error('no task');
  await runAll(job);
  const dist = join(workspaceRoot, 'packages/good/dist');
  const output = join(dist, 'out.txt');
  const asked: boolean[] = [];
  let session: string | null = null;
  const reader: ArtifactReader = {
    retrieve({ hash, outputs, cacheDirectory, ownOnly }) {
      asked.push(ownOnly);
      if (session === null) return Promise.resolve(null);
      const outputsPath = join(cacheDirectory, hash);
      for (const path of outputs) {
        mkdirSync(join(outputsPath, path), { recursive: true });
        writeFileSync(join(outputsPath, path, 'out.txt'), session);
      }
      return Promise.resolve({ code: 0, terminalOutput: 'printed', outputsPath });
    },
  };
  const steps: LimitsResult['steps'] = {};
  const cache = await openCache({ workspaceRoot, remoteCache, reader });
  const step = async (name: string, work: () => Promise<string>): Promise<void> => {
    rmSync(dist, { recursive: true, force: true });
    const how = await work();
    steps[name] = `${how}: ${existsSync(output) ? readFileSync(output, 'utf8').trim() : 'nothing'}`;
  };
  const fetch = async (): Promise<string> => (await cache.fetch(task)).kind;
  const lookUp = async (): Promise<string> =>
    (await cache.lookupLocal([task])).has(task.id) ? 'found' : 'not found';
  cache.limit(() => ({ local: true, shared: false, published: false }));
  await step('with --skip-remote-cache', fetch);
  cache.limit(() => ({ local: false, shared: false, published: false }));
  await step('looked up', lookUp);
  await step('fetched', fetch);
  session = 'of the session';
  await step('fetched after the session has made it', fetch);
  await step('fetched again', fetch);
  const other = await openCache({ workspaceRoot, remoteCache, reader });
  other.limit(() => ({ local: false, shared: false, published: true }));
  session = null;
  await step('fetched by another process', async () => (await other.fetch(task)).kind);
  const host = await createTaskHost({ workspaceRoot, remoteCache, reader });
  host.cache.limit(() => ({ local: false, shared: false, published: true }));
  const { raw, graph } = taskGraphOf(host.projectGraph, ['build']);
  for (const [name, hash] of [
    ['run by an agent', task.hash],
    ['hashed and run by an agent', undefined],
  ] as const) {
    await step(name, async () => {
      const { hash: _hash, ...bare } = graph.tasks['good:build'] ?? task;
      const known = hash === undefined ? bare : { ...bare, hash };
      return (await host.runTask({ task: known, fullTaskGraph: raw })).cacheStatus;
    });
  }
  await host.close();
  const fresh = await openCache({ workspaceRoot, remoteCache, reader });
  fresh.limit(() => ({ local: false, shared: false, published: false }));
  for (const name of ['run here', 'run here again'])
    await step(name, async () => {
      const { options, context } = job;
      const ran = await runSubsetWithDefaultRunner({ taskIds: [task.id], options, context, cache: fresh });
      return ran[task.id] ?? '';
    });
  await step('uploaded', async () => {
    const entry = (await fresh.lookupLocal([task])).get(task.id);
    return entry === undefined ? 'not found' : (await fresh.uploadFromLocal(task, entry)).kind;
  });
  return { remoteKind: cache.remoteKind, steps, asked };
}
