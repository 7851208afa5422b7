import {
  INPUTS_OF_EVERY_TASK,
  matchFiles,
  readHashInput,
  type NxProjectGraph,
  type NxTask,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { projectsBelow } from './projects-below';
import type { WorkingTree } from '../git/working-tree';

export interface UnseenInput {
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  readonly workspaceRoot: string;
  readonly isPending: (task: NxTask) => boolean;
  readonly tree: WorkingTree;
  /** Patterns of files outside all projects that may be inputs of a task. */
  readonly sharedInputs: (task: NxTask) => readonly string[];
}

/**
 * Before an agent runs a task, it compares hashes, which shows changes of the main job's files. Two kinds of tasks are
 * exceptions: those without a hash on this job (it depends on outputs, or on a custom hasher), and uncached ones, which may
 * read files that they do not name as inputs. Finds the tasks of these kinds that an uncommitted change may affect, with the
 * reason: an agent would run them with the files of the commit.
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

function concerning(input: UnseenInput, task: NxTask): string | undefined {
  const { projectGraph, tree, workspaceRoot } = input;
  const roots = projectsBelow(projectGraph, task.target.project).map((name) => rootOf(projectGraph, name));
  const within = roots.filter((root) => root !== '.');
  const isOwn = (file: string): boolean => within.some((root) => isBelow(root, file));
  const files = [...tree.tracked, ...tree.untracked].filter(isOwn);
  files.push(...beside(input, task, roots.includes('.')));
  if (files.length === 0) return undefined;
  const seen = new Set(seenBy(projectGraph, task, files, workspaceRoot));
  return files.find((file) => !seen.has(file));
}

const rootOf = ({ nodes }: NxProjectGraph, project: string): string => {
  const root = nodes[project]?.data.root ?? '';
  return root === '' ? '.' : root;
};

const isBelow = (root: string, file: string): boolean => file === root || file.startsWith(`${root}/`);

/**
 * Changed files outside all projects that may affect a task. Only tracked ones: untracked files there are often a cache that
 * every job has. And only possible inputs: otherwise, a token that every job adds to `.npmrc` would keep all tasks here.
 */
function beside(
  { projectGraph, tree, workspaceRoot, sharedInputs }: UnseenInput,
  task: NxTask,
  isOfRoot: boolean,
): string[] {
  const roots = Object.keys(projectGraph.nodes).map((name) => rootOf(projectGraph, name));
  const isNobodys = (file: string): boolean => !roots.some((root) => root !== '.' && isBelow(root, file));
  const files = tree.tracked.filter(isNobodys);
  if (isOfRoot || files.length === 0) return files;
  if (task.hash !== undefined) return [];
  return matchFiles([...INPUTS_OF_EVERY_TASK, ...sharedInputs(task)], files, workspaceRoot);
}

/** The files that are inputs of the task's hash. */
function seenBy(
  projectGraph: NxProjectGraph,
  { hashDetails, hash }: NxTask,
  files: readonly string[],
  workspaceRoot: string,
): string[] {
  if (hash === undefined || hashDetails === undefined) return [];
  const folderOf = (project: string): string | undefined => projectGraph.nodes[project]?.data.root;
  return Object.keys(hashDetails.nodes).flatMap((name) => {
    const input = readHashInput(name, folderOf);
    // A new folder is an input if something in it is.
    const paths = files.map((file) => (file.endsWith('/') ? `${file}x` : file));
    if (input.kind !== 'files') return [];
    const matched = new Set(matchFiles(input.patterns, paths, workspaceRoot));
    return files.filter((_, index) => matched.has(paths[index] ?? ''));
  });
}
