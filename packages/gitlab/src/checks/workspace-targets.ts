import { outputsOfTarget, workOf, type NxProjectGraph, type TargetWork } from '@org/dte-nx-compat';

export interface ProjectTarget extends TargetWork {
  /** Names of targets that run before it, in its own project or in others; may contain `*`. */
  readonly dependsOn: readonly string[];
  /** Where Nx expects its outputs, from the root of the workspace; globs are possible. */
  readonly outputs: () => readonly string[];
}

export interface TargetsOfProject {
  readonly name: string;
  readonly root: string;
  readonly targets: ReadonlyMap<string, ProjectTarget>;
}

/** `^build`, `build`, `shop:build` and `{ target: 'build' }` all run `build`. */
function namesIn(dependsOn: unknown, known: ReadonlySet<string>): string[] {
  if (!Array.isArray(dependsOn)) return [];
  return dependsOn.flatMap((entry: unknown) => {
    const text = typeof entry === 'string' ? entry : (entry as { target?: unknown } | null)?.target;
    if (typeof text !== 'string') return [];
    const name = text.replace(/^\^/, '');
    // A target's name may contain a colon, too.
    return [known.has(name) || !name.includes(':') ? name : name.slice(name.indexOf(':') + 1)];
  });
}

/** Nx's own guess for a `build` that declares no outputs includes a folder that usually is source. */
const isOftenSource = (root: string, output: string): boolean =>
  output === (root === '.' ? 'public' : `${root}/public`);

/** The targets of every project, as the project graph has them, in the order of their names. */
export function targetsOfWorkspace(
  nodes: NxProjectGraph['nodes'],
  workspaceRoot?: string,
): TargetsOfProject[] {
  const all = Object.values(nodes).sort((a, b) => (a.name < b.name ? -1 : 1));
  const known = new Set(all.flatMap(({ data }) => Object.keys(data.targets ?? {})));
  return all.map((node) => ({
    name: node.name,
    root: node.data.root,
    targets: new Map(
      Object.entries(node.data.targets ?? {}).map(([name, target]) => [
        name,
        {
          ...workOf(name, target),
          dependsOn: namesIn(target['dependsOn'], known),
          outputs: () =>
            outputsOfTarget(node, name, workspaceRoot)
              .flat()
              .filter((output) => target['outputs'] !== undefined || !isOftenSource(node.data.root, output)),
        },
      ]),
    ),
  }));
}

/** The tasks into which Nx has split a target, without the target that groups them. */
export const partsOf = ({ targets }: TargetsOfProject, name: string): string[] =>
  targets.get(name)?.splitFrom == null
    ? []
    : [...targets.keys()].filter((part) => part.startsWith(`${name}--`));

/** Is the target one of those parts? */
export const isPart = (project: TargetsOfProject, name: string): boolean => {
  const at = name.indexOf('--');
  return at > 0 && project.targets.get(name.slice(0, at))?.splitFrom != null;
};

/** The projects with each target, without parts of others. */
export function projectsByTarget(
  projects: readonly TargetsOfProject[],
): Map<string, readonly TargetsOfProject[]> {
  const found = new Map<string, TargetsOfProject[]>();
  for (const project of projects) {
    for (const name of project.targets.keys()) {
      if (isPart(project, name)) continue;
      const having = found.get(name);
      if (having === undefined) found.set(name, [project]);
      else having.push(project);
    }
  }
  return found;
}
