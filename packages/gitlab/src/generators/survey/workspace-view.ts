import { askChoices, formattersOf, type Formatter, readProjectGraph } from '@org/dte-nx-compat';
import { targetsOfWorkspace, type TargetsOfProject } from '../../checks';

/** What the workspace's own Nx says about it. */
export interface WorkspaceView {
  /** Null if the project graph cannot be built; then `problem` says why. */
  readonly projects: readonly TargetsOfProject[] | null;
  readonly problem: string | null;
  /** What `nx format:check` can call. */
  readonly formatters: readonly Formatter[];
}

/** What a generator needs of Nx itself; tests replace it. */
export interface NxPorts {
  readonly view: (workspaceRoot: string) => Promise<WorkspaceView>;
  readonly ask: typeof askChoices;
}

const reasonOf = (thrown: unknown): string => {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return message.trim().split('\n')[0] ?? '';
};

async function view(workspaceRoot: string): Promise<WorkspaceView> {
  try {
    const { nodes } = await readProjectGraph(workspaceRoot);
    return {
      projects: targetsOfWorkspace(nodes, workspaceRoot),
      problem: null,
      formatters: formattersOf(workspaceRoot),
    };
  } catch (thrown) {
    return { projects: null, problem: reasonOf(thrown), formatters: ['prettier'] };
  }
}

export const NX_PORTS: NxPorts = { view, ask: askChoices };
