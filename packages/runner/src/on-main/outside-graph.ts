import {
  dependencyClosure,
  type NxProjectGraph,
  type NxProjectNode,
  type NxTask,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { asNamedIn, commandText } from './command-text';
import type { OutputsState } from '../main-disk/main-disk';
import { namesPath } from './names-path';
import { projectsBelow } from './projects-below';

export interface OutsideInput {
  readonly graph: TaskGraph;
  readonly projectGraph: NxProjectGraph;
  /** Tasks that may read what is not among their inputs: those that no cache has, say. */
  readonly isSuspect: (task: NxTask) => boolean;
  /** Somebody has said that agents run this task: only what a script has changed keeps it here. */
  readonly isReleased: (task: NxTask) => boolean;
  /** Every list of outputs that tasks of a target may have. */
  readonly outputsOf: (node: NxProjectNode, target: string) => readonly (readonly string[])[];
  /** Does the configuration of a task say that it needs this target, although the command leaves that out? */
  readonly leavesOut?: ((task: NxTask, target: string) => boolean) | undefined;
  readonly disk: {
    stateOf(outputs: readonly string[]): Promise<OutputsState>;
    present(outputs: readonly string[]): Promise<string[]>;
  };
  /** Does a path lie within one of these outputs? */
  readonly within: (outputs: readonly string[]) => (path: string) => boolean;
  /** Those of some existing paths that are not as in a fresh checkout. */
  readonly notAsCommitted: (paths: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Hears which tasks are found because of outputs that a command has left elsewhere: they must not run without those. */
  readonly onElsewhere?: ((taskId: string, madeBy: string) => void) | undefined;
}

/** Outputs of a target that lie on this disk. */
interface Lying {
  readonly project: string;
  readonly target: string;
  readonly paths: readonly string[];
  readonly state: OutputsState;
  /** A script has deleted them, or a command has left them elsewhere: `paths` are names of outputs. */
  readonly isGone: boolean;
}

/**
 * A task that is not cached, such as a deployment, often reads outputs that it does not name by `dependsOn`: of a command
 * before. In plain Nx they lie beside it; on an agent they are missing, or those of another state. Finds tasks of which that
 * must be feared, with the reason.
 *
 * - What a script has changed, or made by itself, of any project that the task's own depends on.
 * - What lies here as it was made, where the target's configuration names its path or, by a `dependsOn` that the command leaves
 *   out, its task, or where the session has made it from
 *   several inputs, so that an agent may have another one.
 */
export async function outsideGraph(input: OutsideInput): Promise<Map<string, string>> {
  const { graph, projectGraph, isSuspect } = input;
  const lyingOf = createLying(input);
  const found: { readonly task: NxTask; readonly lying: Lying; readonly paths: readonly string[] }[] = [];
  for (const task of Object.values(graph.tasks).filter(isSuspect)) {
    const inGraph = [...dependencyClosure(graph, task.id), task.id].map((id) => graph.tasks[id]);
    const outputs = [...new Set(inGraph.flatMap((each) => each?.outputs ?? []))];
    const isCovered = input.within(outputs);
    for (const project of projectsBelow(projectGraph, task.target.project)) {
      for (const lying of await lyingOf(project)) {
        const paths = lying.paths.filter((path) => !isCovered(path));
        if (paths.length === 0 || !matters(input, task, lying)) continue;
        found.push({ task, lying, paths });
        if (lying.state.kind === 'as-made' && lying.isGone)
          input.onElsewhere?.(task.id, lying.state.made.taskId);
      }
    }
  }
  const all = [...new Set(found.flatMap(({ lying, paths }) => (lying.isGone ? [] : paths)))];
  const differing = all.length === 0 ? new Set<string>() : await input.notAsCommitted(all);
  const reasons = new Map<string, string>();
  for (const { task, lying, paths } of found) {
    const path = paths.find((each) => lying.isGone || differing.has(each));
    if (path !== undefined && !reasons.has(task.id)) reasons.set(task.id, wordsFor(lying, path));
  }
  return reasons;
}

function createLying({ projectGraph, outputsOf, disk }: OutsideInput): (project: string) => Promise<Lying[]> {
  const known = new Map<string, Promise<Lying[]>>();
  const look = async (project: string): Promise<Lying[]> => {
    const node = projectGraph.nodes[project];
    const lying: Lying[] = [];
    for (const target of Object.keys(node?.data.targets ?? {})) {
      for (const outputs of node === undefined ? [] : outputsOf(node, target)) {
        const [paths, state] = [await disk.present(outputs), await disk.stateOf(outputs)];
        // Files of another task, or those that `restoreGlobs` picks, may lie there all the same.
        if (isElsewhere(state) || (paths.length === 0 && state.kind === 'changed'))
          lying.push({ project, target, paths: outputs, state, isGone: true });
        else if (paths.length > 0) lying.push({ project, target, paths, state, isGone: false });
      }
    }
    return lying;
  };
  return (project) => {
    const answer = known.get(project) ?? look(project);
    known.set(project, answer);
    return answer;
  };
}

/** In plain Nx they would lie there. */
const isElsewhere = (state: OutputsState): boolean =>
  state.kind === 'as-made' && state.made.absentIn !== null;

function matters({ isReleased, projectGraph, leavesOut }: OutsideInput, task: NxTask, lying: Lying): boolean {
  if (lying.state.kind === 'changed') return true;
  if (isReleased(task)) return false;
  if (leavesOut?.(task, lying.target) === true) return true;
  if (lying.state.kind === 'unknown' || lying.state.made.hasVaried) return true;
  const text = commandText(task.target, projectGraph);
  const near = asNamedIn(task.target, projectGraph);
  return lying.paths.some((path) => namesPath(text, path) || namesPath(text, near(path)));
}

const wordsFor = ({ project, target, state }: Lying, path: string): string =>
  state.kind === 'changed'
    ? state.what
    : `it may read ${path} of ${project}:${target}, which is not one of its dependencies`;
