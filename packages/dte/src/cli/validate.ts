import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { Command } from 'commander';
import pc from 'picocolors';
import { plural } from '@org/dte-protocol';
import {
  agentsOf,
  ALWAYS_ON_MAIN,
  conditionOf,
  describeProblem,
  inspectRules,
  MAIN,
  type Problem,
  type Rule,
  RULES_FILE,
  type Survey,
  surveyWorkspace,
  type TakenBy,
} from '@org/dte-runner';
import { readNxJsonOptions, resolveConfig } from '@org/dte-config';
import { say } from './context';
import { table } from './table';

const EXAMPLES = `
Examples:
  $ dte validate
  $ dte validate --json | jq '.rules[].tasks'

Exits with code 1 if the rules are invalid; a pattern that matches nothing is a warning.`;

const ON_MAIN = 'the main job';

/** Tasks that are named as examples. Not configurable: it is only text of a message. */
const NAMED = 3;

const placesOf = (rule: Rule): string =>
  rule['run-on'] === MAIN
    ? ON_MAIN
    : agentsOf(rule)
        .map(({ agent, parallelism }) => (parallelism === undefined ? agent : `${agent} (${parallelism})`))
        .join(', ');

const examples = ({ tasks }: Pick<TakenBy, 'tasks'>): string =>
  tasks.slice(0, NAMED).join(', ') + (tasks.length > NAMED ? ', …' : '');

const rowOf = (taken: TakenBy): string[] =>
  taken.rule === null
    ? [pc.dim('no rule'), '', pc.dim('any agent'), String(taken.tasks.length), examples(taken)]
    : [
        `${taken.rule.file}:${taken.rule.line}`,
        conditionOf(taken.rule),
        placesOf(taken.rule),
        String(taken.tasks.length),
        examples(taken),
      ];

const printed = (problem: Problem): string => {
  const mark = problem.level === 'error' ? pc.red('✘') : pc.yellow('●');
  return `${mark} ${describeProblem(problem)}`;
};

/** The output of `dte validate` for valid rules. */
export function renderSurvey({ taken, onMain, idleOnMain, warnings }: Survey): string {
  const byOption = [pc.dim('runOnMain'), '', ON_MAIN, String(onMain.length), examples({ tasks: onMain })];
  const rows = [...(onMain.length > 0 ? [byOption] : []), ...taken.map(rowOf)];
  const notes = [
    ...idleOnMain.map(
      (pattern) => `${pc.yellow('●')} runOnMain: no task of this workspace matches ${pattern}`,
    ),
    ...warnings.map(printed),
  ];
  const rules = taken.length - 1;
  return [
    table(['rule', 'for', 'runs on', 'tasks', 'such as'], rows),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
    pc.green(rules === 0 ? 'no assignment rules' : `${plural(rules, 'rule')}, all valid`),
  ].join('\n\n');
}

const jsonOf = (survey: Survey | null, problems: readonly Problem[]): object => ({
  problems: [...problems, ...(survey?.warnings ?? [])],
  rules: (survey?.taken ?? []).map(({ rule, tasks }) => ({ rule, tasks })),
  runOnMain: { tasks: survey?.onMain ?? [], idle: survey?.idleOnMain ?? [] },
});

async function validate({ json = false }: { json?: boolean }): Promise<void> {
  const workspaceRoot = findWorkspaceRoot();
  const { env } = process;
  const { config, limits } = resolveConfig({ env, nxJson: readNxJsonOptions(workspaceRoot) });
  const { rules, problems } = inspectRules(workspaceRoot, config.assignmentRules);
  if (problems.length > 0) process.exitCode = 1;
  const { runOnMain } = config;
  const isSaid = rules.length > 0 || runOnMain.length > 0;
  const survey =
    problems.length === 0 && isSaid
      ? await surveyWorkspace(workspaceRoot, rules, env, { planMs: limits.planMs, runOnMain })
      : null;
  if (json) say(JSON.stringify(jsonOf(survey, problems), null, 2));
  else if (problems.length > 0) say(problems.map(printed).join('\n'));
  else
    say(
      survey === null
        ? `no assignment rules: neither in ${RULES_FILE} nor in nx.json (assignmentRules); ${ALWAYS_ON_MAIN.join(' and ')} run on the main job`
        : renderSurvey(survey),
    );
}

export function validateCommand(): Command {
  return new Command('validate')
    .description('check the assignment rules and runOnMain, and show the tasks that each one matches')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(validate);
}
