import { resolveNx } from '../install/nx-install';
import type { NxProjectGraph } from '../model/types';

interface ProjectGraphModule {
  createProjectGraphAsync: (options: { exitOnError: boolean }) => Promise<NxProjectGraph>;
}

/**
 * The project graph, built in this process by the workspace's own Nx. For generators, which Nx itself runs in a process
 * that has it already.
 * @throws NxInstallError; whatever Nx throws if the graph cannot be built
 */
export async function readProjectGraph(workspaceRoot: string): Promise<NxProjectGraph> {
  return resolveNx(workspaceRoot)
    .load<ProjectGraphModule>('src/project-graph/project-graph')
    .createProjectGraphAsync({ exitOnError: false });
}
