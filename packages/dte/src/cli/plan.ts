import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { DteError, plural } from '@org/dte-protocol';
import type { DurationEstimates } from '@org/dte-coordinator';
import { Command } from 'commander';
import { resolve } from 'node:path';
import { envWithSecrets, readNxJsonOptions, resolveConfig, type Resolved } from '@org/dte-config';
import { renderDynamicPipeline } from '@org/dte-gitlab';
import { agentsNeeded, askNx, durationEstimator, planSummary, type TaskToEstimate } from '@org/dte-runner';
import { writeOutputFile } from './output-file';
import { PLAN_FLAGS, readPlanFlags, type PlanFlags } from './plan-options';
import { baseOf, headOf } from './base-sha';
import { say, warn } from './context';
import { knownDurations } from './known-durations';
import { readSurroundings } from '../edge/surroundings';

type Estimate = NonNullable<ReturnType<DurationEstimates['of']>>;

const EXAMPLES = `
Examples:
  $ npx dte plan --agents-max=8 --minutes-per-agent=5 --targets=lint,test,build --output=dte-pipeline.yml
  $ npx dte plan --agents-max=8 -- --configuration=ci --exclude=docs     # more arguments of nx affected

For a plan job whose artifact a trigger job includes. Durations come from \`weights\` in nx.json, from
earlier pipelines if the folder of their history is in this job's cache, or are typical values by target.
Affected tasks are determined with NX_BASE and NX_HEAD, or with the output of \`dte base-sha\`.`;

/** If no plan can be made, a pipeline that would pass without one must not fail. */
function withoutPlan(thrown: unknown, agentsMax: number): number {
  const error = DteError.from(thrown);
  warn(error.explain());
  // If Nx does not call us, nobody would give agents work.
  const agents = error.code === 'DTE_SEAM_OFF' ? 0 : agentsMax;
  say(`dte: the affected tasks are unknown · ${plural(agents, 'agent')}`);
  return agents;
}

/** The part that a task takes of an agent that packs, and that has what this job has. */
async function shareOfAgent(slots: number): Promise<(known: Estimate | null) => number> {
  const [{ machineCapacity }, { shareOf }] = await Promise.all([
    import('@org/dte-agent'),
    import('@org/dte-coordinator'),
  ]);
  const capacity = machineCapacity();
  return (known) => shareOf(known?.need ?? null, capacity, slots);
}

async function agentsFor(
  wish: PlanFlags,
  more: readonly string[],
  workspaceRoot: string,
  resolved: Resolved,
): Promise<number> {
  const { env } = process;
  try {
    // `export NX_BASE=$(…)` leaves it empty if the command fails.
    const { NX_HEAD = '', NX_BASE = '' } = env;
    const head = NX_HEAD === '' ? await headOf(workspaceRoot) : NX_HEAD;
    const base = NX_BASE === '' ? await baseOf(workspaceRoot) : NX_BASE;
    const args = ['affected', '-t', wish.targets.join(','), `--base=${base}`, `--head=${head}`];
    const { tasks } = await askNx({
      workspaceRoot,
      env: { ...env, NX_BASE: base, NX_HEAD: head },
      args: [...args, `--parallel=${wish.parallel}`, ...more],
      limits: resolved.limits,
    });
    const known = await knownDurations({ resolved, workspaceRoot, surroundings: readSurroundings(env) });
    // Which agents a task will get is not known yet.
    const knownOf = ({ project, target, configuration = null }: TaskToEstimate) =>
      known?.of({ project, target, configuration }, null) ?? null;
    const learnt = (task: TaskToEstimate): number | null => knownOf(task)?.ms ?? null;
    const durations = durationEstimator({ weights: resolved.config.weights, learnt });
    const isPacked = wish.slots === 'auto' || resolved.config.slots?.isAuto === true;
    const share = isPacked ? await shareOfAgent(wish.parallel) : undefined;
    const need = agentsNeeded(tasks, durations, {
      ...wish,
      shareOf: share && ((task) => share(knownOf(task))),
    });
    say(planSummary(tasks, need, known?.results ?? null));
    return need.agents;
  } catch (thrown) {
    return withoutPlan(thrown, wish.agentsMax);
  }
}

async function plan(more: readonly string[], flags: Readonly<Record<string, unknown>>): Promise<void> {
  const workspaceRoot = findWorkspaceRoot();
  const resolved = resolveConfig({ env: envWithSecrets(), nxJson: readNxJsonOptions(workspaceRoot) });
  resolved.warnings.forEach(warn);
  const wish = readPlanFlags(flags);
  const { stage, folder, output } = wish;
  const text = renderDynamicPipeline({ stage, folder }, await agentsFor(wish, more, workspaceRoot, resolved));
  writeOutputFile(resolve(output), text);
}

export function planCommand(): Command {
  const command = new Command('plan')
    .description('write a child pipeline with as many agents as the affected work needs, on GitLab')
    .argument('[nx-arguments...]', 'more arguments for nx affected, after --')
    .addHelpText('after', EXAMPLES)
    .action(plan);
  for (const [flag, help] of PLAN_FLAGS) command.option(flag, help);
  return command;
}
