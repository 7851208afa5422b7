import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { NxInstall } from '../install/nx-install';
import type { NxProjectGraph } from '../model/types';

interface ProjectGraphModule {
  createProjectGraphAsync: (options: { exitOnError: boolean }) => Promise<NxProjectGraph>;
}

/** A project graph, and how another process of this machine finds it. */
export interface OpenedGraph {
  readonly projectGraph: NxProjectGraph;
  /** Of the file in which Nx keeps it, sha256 in hex; null if it is not there as it was built (NX_CACHE_PROJECT_GRAPH=false). */
  readonly stored: string | null;
}

/** Nx then reads its file instead of asking all plugins, and still reads the workspace's files itself. In 20.8 to 24. */
const REUSE = 'NX_FORCE_REUSE_CACHED_GRAPH';

/**
 * The project graph of the workspace: that of an earlier process, if Nx's file is still the one that it wrote, else built anew.
 * Plugins are only asked in the latter case, which takes most of the start of an executor.
 * @param shared `stored` of the earlier process
 */
export async function openProjectGraph(nx: NxInstall, shared: string | undefined): Promise<OpenedGraph> {
  const { createProjectGraphAsync } = nx.load<ProjectGraphModule>('src/project-graph/project-graph');
  const create = (): Promise<NxProjectGraph> => createProjectGraphAsync({ exitOnError: false });
  if (shared !== undefined && (await readStored(nx))?.digest === shared) {
    const projectGraph = await reusing(create);
    // Read between two equal digests: it is the one that was asked for.
    if ((await readStored(nx))?.digest === shared) return { projectGraph, stored: shared };
  }
  const projectGraph = await create();
  const stored = await readStored(nx);
  // Another process may have written its own since, of files that have changed.
  const isThis = stored !== null && graphIn(stored.text) === JSON.stringify(projectGraph);
  return { projectGraph, stored: isThis ? stored.digest : null };
}

async function reusing<T>(work: () => Promise<T>): Promise<T> {
  const own = process.env[REUSE];
  process.env[REUSE] = 'true';
  try {
    return await work();
  } finally {
    if (own === undefined) Reflect.deleteProperty(process.env, REUSE);
    else process.env[REUSE] = own;
  }
}

interface Stored {
  readonly text: string;
  /** Nx's file names the time at which it was written: no two builds have the same. */
  readonly digest: string;
}

async function readStored(nx: NxInstall): Promise<Stored | null> {
  const path = nx.loadOptional<{ nxProjectGraph?: string }>(
    'src/project-graph/nx-deps-cache',
  )?.nxProjectGraph;
  if (path === undefined) return null;
  try {
    const text = await readFile(path, 'utf8');
    return { text, digest: createHash('sha256').update(text).digest('hex') };
  } catch {
    // Not there, or not readable: then nobody can share it.
    return null;
  }
}

/** The graph of Nx's file as JSON, or something else if the file is not one. */
function graphIn(text: string): string | null {
  try {
    const { computedAt: _at, errors: _errors, ...graph } = JSON.parse(text) as Record<string, unknown>;
    return JSON.stringify(graph);
  } catch {
    return null;
  }
}
