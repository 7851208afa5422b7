import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { Command } from 'commander';
import pc from 'picocolors';
import { inspectRules } from '../assignment/load-rules';
import { conditionOf, describeProblem, type Problem, type Rule } from '../assignment/rule';
import { RULES_FILE } from '../assignment/source';
import type { Survey, TakenBy } from '../assignment/survey';
import { surveyWorkspace } from '../assignment/survey-workspace';
import { readNxJsonOptions, resolveConfig } from '../config';
import { plural } from '../runner/progress';
import { say } from './context';
import { table } from './table';

const EXAMPLES = `
Examples:
  $ dte validate
  $ dte validate --json | jq '.rules[].tasks'

Exit code 1 when the rules cannot be used; a pattern that fits nothing is a warning.`;

/** Tasks named as examples. */
const NAMED = 3;

const placesOf = (rule: Rule): string =>
  rule['run-on']
    .map(({ agent, parallelism }) => (parallelism === undefined ? agent : `${agent} (${parallelism})`))
    .join(', ');

const examples = ({ tasks }: TakenBy): string =>
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

/** What `dte validate` says of rules that can be used. */
export const renderSurvey = ({ taken, warnings }: Survey): string =>
  [
    table(['rule', 'for', 'runs on', 'tasks', 'such as'], taken.map(rowOf)),
    ...(warnings.length > 0 ? [warnings.map(printed).join('\n')] : []),
    pc.green(`${plural(taken.length - 1, 'rule')}, all of them can be used`),
  ].join('\n\n');

const jsonOf = (survey: Survey | null, problems: readonly Problem[]): object => ({
  problems: [...problems, ...(survey?.warnings ?? [])],
  rules: (survey?.taken ?? []).map(({ rule, tasks }) => ({ rule, tasks })),
});

async function validate({ json = false }: { json?: boolean }): Promise<void> {
  const workspaceRoot = findWorkspaceRoot();
  const { env } = process;
  const { config, limits } = resolveConfig({ env, nxJson: readNxJsonOptions(workspaceRoot) });
  const { rules, problems } = inspectRules(workspaceRoot, config.assignmentRules);
  if (problems.length > 0) process.exitCode = 1;
  const survey =
    problems.length === 0 && rules.length > 0
      ? await surveyWorkspace(workspaceRoot, rules, env, limits)
      : null;
  if (json) say(JSON.stringify(jsonOf(survey, problems), null, 2));
  else if (problems.length > 0) say(problems.map(printed).join('\n'));
  else
    say(
      survey === null
        ? `no assignment rules: neither in ${RULES_FILE} nor in nx.json (assignmentRules)`
        : renderSurvey(survey),
    );
}

export function validateCommand(): Command {
  return new Command('validate')
    .description('check the assignment rules, and show which rule takes which tasks')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(validate);
}
