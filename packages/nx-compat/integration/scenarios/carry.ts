import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listOutputs, openCache, type NxTask, type TaskCache } from '../../src';
import { lineOf } from '../../src/outputs';
import { OUTPUT_SHAPES, type OutputShape } from '../support/output-shapes';

export interface CarryInput {
  workspaceRoot: string;
  remoteCache: { url: string; token: string };
  /** The operation for each shape; `damaged`: fetched after files of its entry were deleted. */
  how: 'store' | 'fetch' | 'damaged';
  only?: readonly string[];
  /** Paths below the cache entry to delete; the entry itself if empty. */
  damage?: string;
}

export interface CarryResult {
  /** Shape -> what is on disk afterwards. */
  seen: Record<string, string[]>;
  /** Shape -> where it came from. */
  from: Record<string, string>;
}

const taskOf = (name: string, outputs: readonly string[]): NxTask => ({
  id: `good:${name}`,
  target: { project: 'good', target: name },
  overrides: { __overrides_unparsed__: [] },
  outputs: [...outputs],
  hash: `hash${name.replace(/[^a-z0-9]/gi, '')}`,
  cache: true,
});

/** A disk with other content from before. */
function litter({ clean, before, stale = [] }: OutputShape): void {
  clean();
  for (const path of stale) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, 'of an earlier run');
  }
  before?.();
}

async function fetchOne(cache: TaskCache, task: NxTask, shape: OutputShape): Promise<string> {
  litter(shape);
  const result = await cache.fetch(task);
  return result.kind === 'error' ? `error: ${result.message}` : result.kind;
}

/** Lets Nx's cache store and restore outputs of many shapes. */
export async function run({ workspaceRoot, remoteCache, how, only, damage }: CarryInput): Promise<CarryResult> {
  const cache = await openCache({ workspaceRoot, remoteCache });
  const seen: CarryResult['seen'] = {};
  const from: CarryResult['from'] = {};
  for (const [name, shape] of Object.entries(OUTPUT_SHAPES)) {
    if (only !== undefined && !only.includes(name)) continue;
    const task = taskOf(name, shape.outputs);
    if (how === 'damaged') {
      cache.recordTaskDetails([task]);
      const entry = (await cache.lookupLocal([task])).get(task.id);
      if (entry === undefined) throw new Error(`${name} is not in the local cache`);
      rmSync(join(entry.outputsPath, damage ?? ''), { recursive: true });
      from[`${name}, looked up`] = (await cache.lookupLocal([task])).has(task.id) ? 'local' : 'miss';
    }
    if (how === 'store') {
      shape.before?.();
      shape.make();
      await cache.store(task, 'printed\n');
    } else from[name] = await fetchOne(cache, task, shape);
    seen[name] = (await listOutputs(workspaceRoot, shape.outputs)).entries.map(lineOf);
  }
  return { seen, from };
}
