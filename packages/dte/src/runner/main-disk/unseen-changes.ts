import {
  matchFiles,
  readHashInput,
  type NxProjectGraph,
  type NxTask,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { projectsBelow } from './projects-below';
import type { WorkingTree } from './working-tree';

export interface UnseenInput {
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  readonly workspaceRoot: string;
  readonly isPending: (task: NxTask) => boolean;
  readonly tree: WorkingTree;
}

/**
 * Before an agent runs a task it compares hashes, and a change of the main job's files shows there. Not with two kinds of
 * tasks: those that this job has no hash of (it depends on outputs, or is made by a custom hasher), and those that no cache
 * has, which may read what they do not name as an input. Finds the tasks of these kinds that an uncommitted change may
 * concern, with the reason: an agent would run them with the files of the commit.
 */
export function unseenChanges(input: UnseenInput): Map<string, string> {
  const reasons = new Map<string, string>();
  for (const task of Object.values(input.graph.tasks).filter(input.isPending)) {
    if (task.hash !== undefined && task.cache === true) continue;
    const file = concerning(input, task);
    if (file !== undefined) reasons.set(task.id, `${file} has uncommitted changes here`);
  }
  return reasons;
}

/** Could any task of this command want to know of uncommitted changes? */
export const mayBeUnseen = (task: NxTask): boolean => task.hash === undefined || task.cache !== true;

function concerning({ projectGraph, tree, workspaceRoot }: UnseenInput, task: NxTask): string | undefined {
  const roots = projectsBelow(projectGraph, task.target.project)
    .map((project) => projectGraph.nodes[project]?.data.root ?? '.')
    .filter((root) => root !== '.' && root !== '');
  const isBelow = (file: string): boolean =>
    roots.some((root) => file === root || file.startsWith(`${root}/`));
  const all = Object.values(projectGraph.nodes).map(({ data }) => data.root);
  const isNobodys = (file: string): boolean =>
    !all.some((root) => root !== '.' && root !== '' && (file === root || file.startsWith(`${root}/`)));
  // What lies beside all projects: a task whose hash is not known may have it among its inputs. Untracked files there are often caches of CI.
  const beside = task.hash === undefined || roots.length === 0 ? tree.tracked.filter(isNobodys) : [];
  const files = [...tree.tracked.filter(isBelow), ...tree.untracked.filter(isBelow), ...beside];
  if (files.length === 0) return undefined;
  const seen = new Set(seenBy(projectGraph, task, files, workspaceRoot));
  return files.find((file) => !seen.has(file));
}

/** Those of some files that are inputs of the task's hash. */
function seenBy(
  projectGraph: NxProjectGraph,
  { hashDetails, hash }: NxTask,
  files: readonly string[],
  workspaceRoot: string,
): string[] {
  if (hash === undefined || hashDetails === undefined) return [];
  const rootOf = (project: string): string | undefined => projectGraph.nodes[project]?.data.root;
  return Object.keys(hashDetails.nodes).flatMap((name) => {
    const input = readHashInput(name, rootOf);
    // A new folder is an input if something in it is.
    const paths = files.map((file) => (file.endsWith('/') ? `${file}x` : file));
    if (input.kind !== 'files') return [];
    const matched = new Set(matchFiles(input.patterns, paths, workspaceRoot));
    return files.filter((_, index) => matched.has(paths[index] ?? ''));
  });
}
