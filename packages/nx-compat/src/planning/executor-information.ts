import type { NxInstall } from '../install/nx-install';
import type { NxProjectGraph, NxTask } from '../model/types';

/** The parts of Nx's data about an executor that we need. */
export interface ExecutorInformation {
  readonly batchImplementationFactory?: unknown;
  readonly preferBatch?: boolean;
  /** Present if it has a custom hasher. */
  readonly hasherFactory?: unknown;
}

type GetInformation = (
  nodeModule: string,
  executor: string,
  root: string,
  projects: object,
) => ExecutorInformation;

interface GraphModule {
  readProjectsConfigurationFromProjectGraph: (graph: NxProjectGraph) => { projects: object };
}

/** Configurations by project, as several functions of Nx expect them. */
export const projectsOf = (nx: NxInstall, projectGraph: NxProjectGraph): object =>
  nx
    .load<GraphModule>('src/project-graph/project-graph')
    .readProjectsConfigurationFromProjectGraph(projectGraph).projects;

/** The executor of a task as its target names it, for example `nx:run-commands`. */
export const executorOf = ({ target }: NxTask, projectGraph: NxProjectGraph): string | undefined =>
  projectGraph.nodes[target.project]?.data.targets?.[target.target]?.executor;

/**
 * Looks up executors, each once. Nx's `getExecutorForTask` does it too, but takes the project graph up to 22.6 and the
 * projects later; the function that it calls is the same on 20.8 to 24.
 */
export class Executors {
  private readonly known = new Map<string, ExecutorInformation>();
  private projects: object | undefined;

  constructor(
    private readonly nx: NxInstall,
    private readonly projectGraph: NxProjectGraph,
  ) {}

  /** Throws what Nx throws if there is no such executor. */
  of(executor: string): ExecutorInformation {
    const known = this.known.get(executor);
    if (known !== undefined) return known;
    const { getExecutorInformation } = this.nx.load<{ getExecutorInformation: GetInformation }>(
      'src/command-line/run/executor-utils',
    );
    // Splits it like Nx.
    const [nodeModule = '', name = ''] = executor.split(':');
    this.projects ??= projectsOf(this.nx, this.projectGraph);
    const found = getExecutorInformation(nodeModule, name, this.nx.workspaceRoot, this.projects);
    this.known.set(executor, found);
    return found;
  }
}
