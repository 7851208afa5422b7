import {
  expandOutputs,
  isContinuous,
  isNoop,
  outputsOfTarget,
  pathMatcher,
  standingOf,
  type NxRunnerContext,
  type NxTask,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { fitsPattern } from '../assignment/match';
import { readMainPatterns } from '../assignment/on-main';
import { agentsOf } from '../assignment/rule';
import type { Command } from '../prepare/command-of';
import type { Prepared } from '../prepare/prepare';
import { onMainByRule, type Reasons } from './by-rule';
import { changedOutputs } from './changed-outputs';
import type { MainDisk } from '../main-disk/main-disk';
import { outsideGraph, type OutsideInput } from './outside-graph';
import { mayBeUnseen } from '../tasks/may-be-unseen';
import { unseenChanges } from './unseen-changes';
import { oneLook } from '../main-disk/one-look';
import { notAsCommitted, readWorkingTree, type WorkingTreeAnswer } from '../git/working-tree';

export interface MainTasksInput {
  readonly prepared: Pick<Prepared, 'resolved' | 'workspaceRoot' | 'assignment' | 'workingTree'>;
  readonly disk: MainDisk;
  readonly graph: TaskGraph;
  readonly context: NxRunnerContext;
  readonly command: Pick<Command, 'isRequested'>;
  readonly onElsewhere?: OutsideInput['onElsewhere'];
  /** Called with tasks that run here by an option, a rule or their nature. */
  readonly onNamed?: (id: string) => void;
}

/**
 * The tasks of a command that run on the main job because they need its disk, each with the reason: those that the user has
 * named, and those that would see other files on an agent. docs/how-to/run-on-main.md has the rules for users.
 */
export async function mainTasks(input: MainTasksInput): Promise<Reasons> {
  const { prepared, disk, graph, command } = input;
  const { assignment, resolved } = prepared;
  const patterns = readMainPatterns(resolved.config.runOnMain);
  const reasons = onMainByRule({
    graph,
    projectGraph: input.context.projectGraph,
    patterns,
    assignment,
    isRequested: command.isRequested,
  });
  for (const id of reasons.keys()) input.onNamed?.(id);
  const add = (more: Reasons): void => {
    for (const [id, reason] of more) if (!reasons.has(id)) reasons.set(id, reason);
  };
  add(await changedOutputs(graph, disk));
  const isOpen = ({ id }: NxTask): boolean => !reasons.has(id);
  /** The user has assigned this task to agents. */
  const isReleased = ({ target }: NxTask): boolean => {
    const rule = assignment.ruleFor(target);
    return patterns.isReleased(target) || (rule !== undefined && agentsOf(rule).length > 0);
  };
  const isHeld = (task: NxTask): boolean => isOpen(task) && !isReleased(task);
  const tree = treeFor(input, isHeld);
  add(await outside(input, isOpen, isReleased));
  add(await unseen(input, isHeld, tree));
  return reasons;
}

/** Git answers while the outputs are looked at; null if no task depends on the answer. */
function treeFor(input: MainTasksInput, isOpen: (task: NxTask) => boolean): WorkingTreeAnswer | null {
  const { workspaceRoot, resolved, workingTree } = input.prepared;
  // With `warn`, agents run tasks whose hash differs.
  const mayMatter = resolved.config.onHashMismatch !== 'warn' && mayNotBeSeen(input, isOpen).length > 0;
  if (!mayMatter) return null;
  const tree = workingTree ?? readWorkingTree(workspaceRoot, resolved.limits);
  tree.catch(() => undefined);
  return tree;
}

/** Tasks whose hash would not show to an agent what differs there. */
function mayNotBeSeen({ graph, context }: MainTasksInput, isOpen: (task: NxTask) => boolean): NxTask[] {
  return Object.values(graph.tasks).filter(
    (task) => isOpen(task) && mayBeUnseen(task) && !isNoop(task, context.projectGraph),
  );
}

async function outside(
  { prepared, disk, graph, context, onElsewhere }: MainTasksInput,
  isOpen: (task: NxTask) => boolean,
  isReleased: (task: NxTask) => boolean,
): Promise<Reasons> {
  const { projectGraph, nxArgs } = context;
  const { workspaceRoot, resolved } = prepared;
  /** With --exclude-task-dependencies, a task reads earlier outputs of its dependencies, and the graph does not show it. */
  const leftOut = ({ target: { project, target } }: NxTask): readonly unknown[] => {
    const dependsOn = projectGraph.nodes[project]?.data.targets?.[target]?.['dependsOn'];
    return nxArgs['excludeTaskDependencies'] === true && Array.isArray(dependsOn) ? dependsOn : [];
  };
  const expand = (outputs: readonly string[]): string[] => expandOutputs(workspaceRoot, outputs);
  const standing = (path: string): ReturnType<typeof standingOf> => standingOf(workspaceRoot, path);
  const differing = (paths: readonly string[]): Promise<ReadonlySet<string>> =>
    notAsCommitted(workspaceRoot, paths, resolved.limits);
  return outsideGraph({
    graph,
    projectGraph,
    disk,
    isReleased,
    onElsewhere,
    isSuspect: (task) =>
      isOpen(task) &&
      !isContinuous(task) &&
      !isNoop(task, projectGraph) &&
      (task.cache !== true || leftOut(task).length > 0),
    leavesOut: (task, target) => leftOut(task).some((dependency) => namesTarget(dependency, target)),
    outputsOf: (node, target) => outputsOfTarget(node, target, workspaceRoot),
    mayDiffer: (lists) => oneLook(lists, { standing, expand, notAsCommitted: differing }),
    within: (outputs) => pathMatcher(workspaceRoot, outputs),
    notAsCommitted: differing,
  });
}

async function unseen(
  input: MainTasksInput,
  isOpen: (task: NxTask) => boolean,
  asked: WorkingTreeAnswer | null,
): Promise<Reasons> {
  const { prepared, graph, context } = input;
  const { workspaceRoot } = prepared;
  const { projectGraph } = context;
  const pending = mayNotBeSeen(input, isOpen);
  if (pending.length === 0 || asked === null) return new Map();
  const tree = await asked;
  if (tree === 'none') return new Map();
  if (tree === 'unknown') {
    const why = 'git cannot report what has changed here';
    return new Map(pending.map(({ id }) => [id, why]));
  }
  if (tree.tracked.length + tree.untracked.length === 0) return new Map();
  const isPending = new Set(pending);
  return unseenChanges({
    graph,
    projectGraph,
    workspaceRoot,
    isPending: (task) => isPending.has(task),
    tree,
    sharedInputs: (task) => sharedInputs(task, context),
  });
}

/** Every `{workspaceRoot}/…` of the target or of any named input of the workspace: Nx decides later which of them apply. */
function sharedInputs({ target }: NxTask, { nxJson, projectGraph }: NxRunnerContext): string[] {
  const { data } = projectGraph.nodes[target.project] ?? {};
  const all = [nxJson['namedInputs'], data?.['namedInputs'], data?.targets?.[target.target]?.['inputs']];
  const found = JSON.stringify(all).matchAll(/"\{workspaceRoot\}\/((?:[^"\\]|\\.)+)"/g);
  return [...found].map(([, pattern = '']) => pattern);
}

/** Does an entry of `dependsOn` match a target: `build`, `^build`, `lib:build`, `build-*`, `{ "target": "build" }`? */
function namesTarget(dependency: unknown, target: string): boolean {
  const named =
    typeof dependency === 'object' && dependency !== null && 'target' in dependency
      ? dependency.target
      : dependency;
  if (typeof named !== 'string') return false;
  const pattern = named.replace(/^\^/, '');
  return [pattern, pattern.slice(pattern.indexOf(':') + 1)].some((each) => fitsPattern(target, each));
}
