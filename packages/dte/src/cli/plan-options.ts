import { LIMITS } from '@org/dte-protocol';
import { z } from 'zod';
import { PLAN_FILE } from '@org/dte-gitlab';
import { line, wholeNumber, words } from '@org/dte-config';
import { readFlags } from './read-flags';

/** Largest value of `--agents-max`. Not configurable: GitLab allows 200 jobs in `parallel:`. */
const AGENTS = 200;
/** Largest value of `--minutes-per-agent`. Not configurable: no job runs for longer than a day. */
const DAY_MINUTES = 24 * 60;

/** Flags of `dte plan`. The project's own GitLab file defines the jobs, and the child pipeline includes it. */
const planFlagsSchema = z.strictObject({
  agentsMax: wholeNumber(0, AGENTS).default(8),
  minutesPerAgent: wholeNumber(1, DAY_MINUTES).default(5),
  targets: words(100).default(['lint', 'test', 'build', 'e2e-ci']),
  parallel: wholeNumber(1, LIMITS.slotsPerAgent.value).default(2),
  slots: z.literal('auto').optional(),
  output: line(4096).default(PLAN_FILE),
  stage: line(255).default('test'),
  folder: line(4096).default(''),
});
export type PlanFlags = z.output<typeof planFlagsSchema>;

/** Flag, help and default of each option, for the command line. */
export const PLAN_FLAGS: readonly (readonly [flag: string, help: string])[] = [
  ['--agents-max <n>', 'maximum number of agents (default 8)'],
  ['--minutes-per-agent <n>', 'minutes of work per agent (default 5)'],
  ['--targets <list>', 'targets of the main job (default lint,test,build,e2e-ci)'],
  ['--parallel <n>', 'tasks at a time on each agent (default 2)'],
  ['--slots <auto>', 'agents have `--slots=auto`, and the cores and memory of this job'],
  ['--output <file>', `the pipeline file to write (default ${PLAN_FILE})`],
  ['--stage <name>', 'stage of the jobs, as in the GitLab file (default test)'],
  ['--folder <path>', 'folder of the workspace, if it is not the root of the repository'],
];

/** @throws DteError DTE_BAD_CONFIG naming the flag */
export const readPlanFlags = (flags: Readonly<Record<string, unknown>>): PlanFlags =>
  readFlags(planFlagsSchema, flags);
