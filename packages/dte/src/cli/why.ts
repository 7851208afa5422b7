import { plural } from '@org/dte-protocol';
import { missReasonsOf, type SessionModel } from '@org/dte-report';
import { chooseRun, dataDirOf, explainAgainst, projectsOf, readModel, taskLines } from '@org/dte-runner';
import { Command } from 'commander';
import { cliContext, say, type CliContext, type Flags } from './context';
import { addFlags } from './option-flags';
import { table } from './table';

const EXAMPLES = `
Examples:
  $ dte why                # the most frequent reasons of the last nx command
  $ dte why app:build
  $ dte why app:build --against=earlier/report/42-1001.jsonl

Run it in the job that ran the nx commands. With --against, give an earlier report, from the artifacts of its job: its folder, or the
file .jsonl or .inputs.br in it.`;

/** Reasons that are listed. Not configurable: --json has all of them. */
const MOST_REASONS = 20;

type Run = SessionModel['runs'][number];

/** The reasons of a command, as lines. */
export function reasonLines(run: Run): string[] {
  const missed = run.tasks.filter(({ miss }) => miss !== null).length;
  const cached = run.tasks.filter(({ from }) => from !== null).length;
  const head = `${run.command}: ${plural(run.tasks.length, 'task')}, ${cached} from a cache, ${missed} not cached`;
  const reasons = missReasonsOf(run);
  if (reasons.length === 0) return [head];
  const rows = reasons
    .slice(0, MOST_REASONS)
    .map(({ text, tasks }) => [String(tasks.length), text, tasks[0] ?? '']);
  const more = reasons.length - MOST_REASONS;
  return [
    head,
    '',
    table(['tasks', 'reason', 'such as'], rows),
    ...(more > 0 ? [`and ${plural(more, 'more reason')}`] : []),
  ];
}

async function compared(
  { resolved, workspaceRoot, sessionId }: CliContext,
  run: Run,
  against: string,
): Promise<Run> {
  const nodes = await projectsOf(workspaceRoot, process.env, resolved.limits.planMs);
  const misses = await explainAgainst({
    dataDir: dataDirOf(resolved, workspaceRoot),
    workspaceRoot,
    limits: resolved.limits,
    sessionId,
    run,
    against,
    rootOf: (project) => nodes[project]?.data.root,
  });
  return { ...run, tasks: run.tasks.map((task) => ({ ...task, miss: misses.get(task.id) ?? null })) };
}

async function why(
  taskId: string | undefined,
  flags: Flags & { json?: boolean; against?: string },
): Promise<void> {
  const { json = false, against, ...options } = flags;
  const context = cliContext(options);
  const { resolved, workspaceRoot, sessionId } = context;
  const found = chooseRun(await readModel(dataDirOf(resolved, workspaceRoot), sessionId), taskId);
  const run = against === undefined ? found : await compared(context, found, against);
  const { command, runId } = run;
  const task = run.tasks.find(({ id }) => id === taskId);
  if (task !== undefined) {
    const { id, status, from, origin, cacheable, miss } = task;
    const shown = { id, status, from, origin, cacheable, miss };
    if (json) say(JSON.stringify({ runId, command, task: shown }, null, 2));
    else for (const line of taskLines(task)) say(line);
    return;
  }
  if (json) say(JSON.stringify({ runId, command, reasons: missReasonsOf(run) }, null, 2));
  else for (const line of reasonLines(run)) say(line);
}

export function whyCommand(): Command {
  const command = new Command('why')
    .description('print why tasks were not cached: which of their inputs differ from those of earlier runs')
    .argument('[task]', 'a task as project:target[:configuration]; default: the reasons of the last command')
    .option('--against <path>', 'compare with this report of another job, and not with the pipelines before')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(why);
  return addFlags(command, ['session', 'dataDir']);
}
