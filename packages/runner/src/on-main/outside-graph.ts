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
  /** Tasks that may read files that are not inputs: for example, those that are not cached. */
  readonly isSuspect: (task: NxTask) => boolean;
  /** The user has assigned this task to agents: only changes by a script keep it here. */
  readonly isReleased: (task: NxTask) => boolean;
  /** All lists of outputs that tasks of a target may have. */
  readonly outputsOf: (node: NxProjectNode, target: string) => readonly (readonly string[])[];
  /** Does the configuration of a task declare that it needs this target, although the command excludes it? */
  readonly leavesOut?: ((task: NxTask, target: string) => boolean) | undefined;
  readonly disk: {
    stateOf(outputs: readonly string[]): Promise<OutputsState>;
    present(outputs: readonly string[]): Promise<string[]>;
  };
  /** Which of these lists may have anything on the disk that a fresh checkout has not? Asked once, before all others; default: each. */
  readonly mayDiffer?: (
    lists: readonly (readonly string[])[],
  ) => Promise<(outputs: readonly string[]) => boolean>;
  /** Is a path within one of these outputs? */
  readonly within: (outputs: readonly string[]) => (path: string) => boolean;
  /** The existing paths that differ from a fresh checkout. */
  readonly notAsCommitted: (paths: readonly string[]) => Promise<ReadonlySet<string>>;
  /** Called with tasks that are found because of outputs that were not restored: they must not run without them. */
  readonly onElsewhere?: ((taskId: string, madeBy: string) => void) | undefined;
}

/** Outputs of a target on this disk. */
interface Lying {
  readonly project: string;
  readonly target: string;
  readonly paths: readonly string[];
  readonly state: OutputsState;
  /** A script has deleted them, or a command has not restored them: `paths` are names of outputs. */
  readonly isGone: boolean;
}

/**
 * A task that is not cached, such as a deployment, often reads outputs of an earlier command that it does not name by
 * `dependsOn`. In plain Nx they are on the same disk; on an agent they are missing, or outdated. Finds the tasks that may do
 * so, with the reason. These outputs of the task's project and its dependencies are relevant:
 *
 * - Outputs that a script has changed or made itself.
 * - Unchanged outputs if the target's configuration names their path or (by a `dependsOn` that the command excludes) their
 *   task, or if the session has made them from several inputs, so that an agent may have other ones.
 */
export async function outsideGraph(input: OutsideInput): Promise<Map<string, string>> {
  const { graph, projectGraph, isSuspect } = input;
  const suspects = Object.values(graph.tasks)
    .filter(isSuspect)
    .map((task) => ({ task, projects: projectsBelow(projectGraph, task.target.project) }));
  const lyingOf = await createLying(input, new Set(suspects.flatMap(({ projects }) => projects)));
  const found: { readonly task: NxTask; readonly lying: Lying; readonly paths: readonly string[] }[] = [];
  for (const { task, projects } of suspects) {
    const inGraph = [...dependencyClosure(graph, task.id), task.id].map((id) => graph.tasks[id]);
    const outputs = [...new Set(inGraph.flatMap((each) => each?.outputs ?? []))];
    const isCovered = input.within(outputs);
    for (const project of projects) {
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

/** What a project's targets may have on the disk. */
interface Declared {
  readonly target: string;
  readonly outputs: readonly string[];
}

function declaredBy({ projectGraph, outputsOf }: OutsideInput, project: string): Declared[] {
  const node = projectGraph.nodes[project];
  if (node === undefined) return [];
  return Object.keys(node.data.targets ?? {}).flatMap((target) =>
    outputsOf(node, target).map((outputs) => ({ target, outputs })),
  );
}

async function createLying(
  input: OutsideInput,
  projects: ReadonlySet<string>,
): Promise<(project: string) => Promise<Lying[]>> {
  const { disk } = input;
  const known = new Map<string, Promise<Lying[]>>();
  const declared = new Map([...projects].map((project) => [project, declaredBy(input, project)]));
  const lists = [...declared.values()].flatMap((all) => all.map(({ outputs }) => outputs));
  const mayDiffer = (lists.length === 0 ? undefined : await input.mayDiffer?.(lists)) ?? (() => true);
  const look = async (project: string): Promise<Lying[]> => {
    const lying: Lying[] = [];
    for (const { target, outputs } of declared.get(project) ?? []) {
      const state = await disk.stateOf(outputs);
      // No command of the session has made it, and what is there is in every checkout.
      if (state.kind === 'unknown' && !mayDiffer(outputs)) continue;
      const paths = await disk.present(outputs);
      // Files of another task, or those that `restoreGlobs` selects, may still be there.
      if (isElsewhere(state) || (paths.length === 0 && state.kind === 'changed'))
        lying.push({ project, target, paths: outputs, state, isGone: true });
      else if (paths.length > 0) lying.push({ project, target, paths, state, isGone: false });
    }
    return lying;
  };
  return (project) => {
    const answer = known.get(project) ?? look(project);
    known.set(project, answer);
    return answer;
  };
}

/** In plain Nx, they would be on this disk. */
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
