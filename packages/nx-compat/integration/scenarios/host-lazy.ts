import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createTaskHost, resolveNx } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostLazyInput {
  workspaceRoot: string;
  /** False: Nx as it is, with the same modules loaded. */
  host: boolean;
  sharedGraph?: string | undefined;
}

export interface HostLazyResult {
  /** Modules of this process, by their place below node_modules. */
  loaded: string[];
  /** Of the task, and `storedGraph`; null without a host. */
  status: string | null;
  stored: string | null;
  /** What Nx has made of a file by means of a package that it did not need until then. */
  edited: string;
}

interface PackageManagers {
  addPackagePathToWorkspaces(path: string, name: string, workspaces: string[], root: string): void;
}

/** A host that runs a task, and then a function of Nx that no executor calls; or only the latter. */
export async function run({ workspaceRoot, host, sharedGraph }: HostLazyInput): Promise<HostLazyResult> {
  const nx = resolveNx(workspaceRoot);
  const ran = host ? await runTask(workspaceRoot, sharedGraph) : { status: null, stored: null };
  nx.load('src/tasks-runner/init-tasks-runner');
  const { addPackagePathToWorkspaces } = nx.load<PackageManagers>('src/utils/package-manager');
  const modules = join(nx.packageRoot, '..');
  const loaded = Object.keys(require.cache).map((path) => relative(modules, path));
  const file = join(workspaceRoot, 'pnpm-workspace.yaml');
  writeFileSync(file, '# ours\npackages:\n  - libs/one\n');
  addPackagePathToWorkspaces('libs/two', 'pnpm', ['libs/one'], workspaceRoot);
  return { ...ran, loaded, edited: readFileSync(file, 'utf8') };
}

async function runTask(workspaceRoot: string, sharedGraph: string | undefined) {
  const host = await createTaskHost({ workspaceRoot, sharedGraph });
  const stored = host.storedGraph;
  const { raw, graph } = taskGraphOf(host.projectGraph, ['build']);
  const task = graph.tasks['one:build'];
  if (!task) throw new Error('there is no task');
  const { status } = await host.runTask({
    task,
    fullTaskGraph: raw,
    rerun: true,
    onOutput: () => undefined,
  });
  await host.close();
  return { status, stored };
}
