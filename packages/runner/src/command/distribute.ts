import {
  createLateHasher,
  environmentOfHooks,
  normaliseTaskGraph,
  pathMatcher,
  runSubsetWithDefaultRunner,
  terminalUiOf,
  type NxRunnerContext,
  type NxRunnerOptions,
  type NxStatuses,
  type TerminalUi,
} from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';
import { randomUUID } from 'node:crypto';
import { tellAgents } from '../embedded/tell-agents';
import { commandOf } from '../prepare/command-of';
import { DistributedRun } from './distributed-run';
import { failureLines } from '../report/failed-jobs';
import { hookVariables, type HookVariables } from '../prepare/hook-variables';
import { leftovers } from '../tasks/leftovers';
import { MainSide } from '../on-main/main-side';
import { noteAbsent } from '../outputs/note-absent';
import { planRun } from '../tasks/plan';
import { batchesFor } from '../tasks/plan-batches';
import { prepare, type Edge, type Prepared } from '../prepare/prepare';
import { restorePolicy } from '../outputs/restore-policy';
import { aroundUi, stdVoice, type CommandVoice } from '../report/say';
import { cancelOnSignal } from './signals';
import { endLine } from '../report/summary';

/**
 * Runs one nx command on agents; whatever they cannot do, or all of it when there are none, is done here.
 */
export async function distribute(
  options: NxRunnerOptions,
  context: NxRunnerContext,
  { voice: given = stdVoice, ...edge }: Edge & { readonly voice?: CommandVoice },
): Promise<NxStatuses> {
  const ui = uiOf(options);
  const voice = ui === null ? given : aroundUi(ui, given, (say) => process.once('exit', say));
  let prepared: Prepared;
  try {
    prepared = await prepare(context, voice, edge);
  } catch (thrown) {
    voice.explain(DteError.from(thrown));
    voice.line('dte: this command runs undistributed');
    return edge.runUndistributed();
  }
  try {
    return await runDistributed(prepared, options, context, voice, ui);
  } finally {
    prepared.session.close();
  }
}

async function runDistributed(
  prepared: Prepared,
  options: NxRunnerOptions,
  context: NxRunnerContext,
  voice: CommandVoice,
  ui: TerminalUi | null,
): Promise<NxStatuses> {
  const startMs = Date.now();
  const graph = normaliseTaskGraph(context.taskGraph);
  const said = commandOf(options, context, process.argv);
  // Each task has a screen of its own.
  const command = ui === null ? said : { ...said, streams: () => true };
  const { lifeCycle } = options;
  await lifeCycle.startCommand?.(command.parallel, command.parallel);
  const { projectGraph } = context;
  const { config } = prepared.resolved;
  const { names: forwardedEnv, note } = forwardedBy(prepared);
  if (note !== null) voice.line(note);
  const mainSide = new MainSide({ prepared, graph, context, command, voice });
  const onMain = await mainSide.tasks();
  const plan = planRun(graph, projectGraph, context.initiatingTasks ?? [], onMain.keys());
  const matches = pathMatcher(prepared.workspaceRoot, config.restoreGlobs);
  const policy = restorePolicy({ config, graph, projectGraph, isRequested: command.isRequested, matches });
  const runId = randomUUID();
  const batches = await batchesFor(context, graph, plan, command.batch);
  const hasher = createLateHasher(context.hasher, projectGraph, graph, prepared.workspaceRoot);
  const run = new DistributedRun({
    ...{ prepared, runId, command, graph, projectGraph, plan, batches, policy, hasher, lifeCycle, voice, ui },
    forwardedEnv,
  });
  let here = 0;
  try {
    const trouble = await untilOver(run, prepared, ui);
    // Agents that were freed on purpose (--stop-agents-after) are no trouble.
    if (trouble?.code === 'DTE_SESSION_FINISHED') voice.line(`dte: ${trouble.message}`);
    else if (trouble !== null) voice.explain(trouble);
    // While the rest is run: nobody waits for it.
    const told = run.coordinatorLost && trouble !== null ? leaveAlone(prepared, trouble) : undefined;
    const rest = leftovers(graph, run.results.endings, command.nxBail, plan.servers);
    run.skip(rest.skipped);
    await run.results.finishServers(rest);
    // Run a second time where its outputs have been lost with the coordinator: what needs them would not find them.
    const again = await run.outputs.bringFor(rest.run, run.coordinatorLost);
    const toRun = [...rest.run, ...again];
    here = toRun.length;
    const lacking = await mainSide.bringEarlier(toRun, run.coordinatorLost);
    await run.results.failHere(lacking);
    const ran = await runHere({
      taskIds: toRun,
      failed: [...lacking.keys()],
      run,
      prepared,
      options,
      context,
    });
    mainSide.ranHere(ran);
    await told;
    return { ...run.results.statuses, ...ran };
  } finally {
    await mainSide.note(run.results.endings, run.outputs.absent, runId);
    await lifeCycle.endCommand?.();
    await run.close();
    const { byAgent, failedOn, fromCache } = run.results;
    for (const line of failureLines(failedOn)) voice.line(line);
    for (const line of run.retries.lines()) voice.line(line);
    const retried = run.retries.count;
    const total = Object.keys(graph.tasks).length;
    voice.line(endLine({ byAgent, fromCache, retried, here, total, elapsedMs: Date.now() - startMs }));
    const { absent } = run.outputs;
    if (absent.size > 0) voice.line(await noteAbsent({ absent, runId, command: command.text, prepared }));
  }
}

function forwardedBy({ resolved, workspaceRoot }: Prepared): HookVariables {
  return hookVariables(resolved.config.forwardEnv, environmentOfHooks(workspaceRoot), workspaceRoot);
}
/** Agents that wait for a coordinator that is gone have nothing to wait for. */
const leaveAlone = (prepared: Prepared, trouble: DteError): Promise<boolean> => {
  const { resolved, surroundings, rendezvous, session } = prepared;
  return tellAgents({ resolved, job: surroundings.job, rendezvous, sessionId: session.id }, trouble);
};

/** An Nx whose UI cannot be had shows less; its tasks run all the same. */
function uiOf({ lifeCycle }: NxRunnerOptions): TerminalUi | null {
  try {
    return terminalUiOf(lifeCycle);
  } catch {
    return null;
  }
}

async function untilOver(
  run: DistributedRun,
  prepared: Prepared,
  ui: TerminalUi | null,
): Promise<DteError | null> {
  const release = cancelOnSignal(process, prepared.resolved.limits.killMs, () => run.cancel());
  // Nx's own runner, should it have something left to run here, puts its own callback in the place of this one.
  ui?.onQuit(() => process.kill(process.pid, 'SIGINT'));
  try {
    return await run.execute();
  } finally {
    release();
  }
}

interface Here {
  readonly taskIds: readonly string[];
  /** Those of them that have failed before they began. */
  readonly failed: readonly string[];
  readonly run: DistributedRun;
  readonly prepared: Prepared;
  readonly options: NxRunnerOptions;
  readonly context: NxRunnerContext;
}

async function runHere({ taskIds: all, failed, run, prepared, options, context }: Here): Promise<NxStatuses> {
  const taskIds = all.filter((id) => !failed.includes(id));
  if (taskIds.length === 0) return {};
  const { cache } = prepared;
  // With the coordinator gone its cache would only cost time.
  if (run.coordinatorLost) cache.disconnect();
  const before = process.env['DTE_EXECUTOR'];
  // An nx command inside one of these tasks is part of the task: it must not be distributed on its own.
  process.env['DTE_EXECUTOR'] = '1';
  const ran = await runSubsetWithDefaultRunner({
    ...{ taskIds, failedTaskIds: failed, options, context, cache },
  }).finally(() => {
    // What this process starts afterwards (a script that publishes by the functions of nx/release) is no part of a task.
    if (before === undefined) Reflect.deleteProperty(process.env, 'DTE_EXECUTOR');
    else process.env['DTE_EXECUTOR'] = before;
  });
  const missing = taskIds.filter((id) => ran[id] === undefined);
  return { ...Object.fromEntries(missing.map((id) => [id, 'skipped' as const])), ...ran };
}
