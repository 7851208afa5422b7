import {
  createLateHasher,
  findWorkspaceRoot,
  isNonParallel,
  matchProjects,
  normaliseTaskGraph,
  openCache,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxStatuses,
  type TaskGraph,
} from '@org/dte-nx-compat';
import { LIMITS } from '@org/dte-protocol';
import { writeFileSync } from 'node:fs';
import { createAssignment } from '../assignment/assign';
import { loadRules } from '../assignment/load-rules';
import { readMainPatterns } from '../assignment/on-main';
import { readNxJsonOptions, resolveConfig, type Config } from '@org/dte-config';
import { commandOf } from '../prepare/command-of';
import { onMainByRule } from '../on-main/by-rule';
import { planRun, taskOf, type Plan } from '../tasks/plan';
import { obeyCacheTrust } from '../shared-cache/cache-use';
import { cachedTasks } from './cached-tasks';
import type { PlannedTask, PlannedWork } from './planned-work';

function placesOf(graph: TaskGraph, plan: Plan, cached: ReadonlySet<string>): PlannedTask[] {
  const inPlace = (ids: readonly string[], placeOf: (id: string) => PlannedTask['place']): PlannedTask[] =>
    ids.map((id) => {
      const task = taskOf(graph, id);
      const { project, target, configuration = null } = task.target;
      return { id, project, target, configuration, place: placeOf(id), alone: isNonParallel(task) };
    });
  return [
    ...inPlace(plan.pending, (id) => (cached.has(id) ? 'cached' : 'agents')),
    ...inPlace([...plan.noop, ...plan.servers], () => 'nothing'),
    ...inPlace(plan.afterwards, () => 'main'),
  ];
}

/** What will run on the main job by option or rule, as far as that is known before there is a main job. */
function ruledToMain(
  graph: TaskGraph,
  config: Config,
  options: NxRunnerOptions,
  context: NxRunnerContext,
): Iterable<string> {
  const workspaceRoot = findWorkspaceRoot();
  const assignment = createAssignment(loadRules(workspaceRoot, config.assignmentRules), (patterns) =>
    matchProjects(workspaceRoot, patterns, context.projectGraph.nodes),
  );
  const { isRequested } = commandOf(options, context, process.argv);
  const patterns = readMainPatterns(config.runOnMain);
  return onMainByRule({
    graph,
    projectGraph: context.projectGraph,
    patterns,
    assignment,
    isRequested,
  }).keys();
}

/**
 * The tasks runner for `dte plan`: it gets exactly the hashed graph that the main job will have, with any version of Nx
 * and any arguments, and writes it to a file instead of running it.
 * @returns success for every task: the result is not used, and Nx accepts it
 * @public required on demand by index.ts
 */
export async function writePlan(
  path: string,
  options: NxRunnerOptions,
  context: NxRunnerContext,
): Promise<NxStatuses> {
  const graph = normaliseTaskGraph(context.taskGraph);
  const workspaceRoot = findWorkspaceRoot();
  const { config } = resolveConfig({ env: process.env, nxJson: readNxJsonOptions(workspaceRoot) });
  const onMain = ruledToMain(graph, config, options, context);
  const plan = planRun(graph, context.projectGraph, context.initiatingTasks ?? [], onMain);
  const cache = await openCache({ workspaceRoot });
  obeyCacheTrust(cache, config.cacheTrust, graph);
  const skipsCache = options.skipNxCache === true || context.nxArgs.skipNxCache === true;
  const cached = skipsCache
    ? new Set<string>()
    : await cachedTasks({
        graph,
        pending: plan.pending,
        noop: plan.noop,
        cache,
        hasher: createLateHasher(context.hasher, context.projectGraph, graph, workspaceRoot),
        concurrency: LIMITS.restoreConcurrency.value,
      });
  const work: PlannedWork = { version: 1, tasks: placesOf(graph, plan, cached) };
  writeFileSync(path, JSON.stringify(work));
  return Object.fromEntries(Object.keys(graph.tasks).map((id) => [id, 'success' as const]));
}
