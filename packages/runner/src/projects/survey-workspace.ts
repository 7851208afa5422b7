import { matchProjects, type NxProjectGraph } from '@org/dte-nx-compat';
import { type LimitValues } from '@org/dte-protocol';
import type { Env } from '@org/dte-config';
import { ignoredFile } from '../assignment/ignored';
import type { Rule } from '../assignment/rule';
import { type Survey, type SurveyedProject, surveyRules } from '../assignment/survey';
import { projectsOf, type Nodes } from './project-nodes';

const surveyed = ({ name, data }: Nodes[string]): SurveyedProject => ({
  name,
  targets: Object.fromEntries(
    Object.entries(data.targets ?? {}).map(([target, { configurations = {}, defaultConfiguration }]) => [
      target,
      { configurations: Object.keys(configurations), standard: defaultConfiguration },
    ]),
  ),
});

/**
 * Evaluates rules for their workspace.
 * @throws DteError DTE_PLAN_FAILED if Nx cannot list the projects; DTE_BAD_RULES
 */
export async function surveyWorkspace(
  workspaceRoot: string,
  rules: readonly Rule[],
  env: Env,
  { planMs, runOnMain }: Pick<LimitValues, 'planMs'> & { readonly runOnMain: readonly string[] },
): Promise<Survey> {
  const nodes = await projectsOf(workspaceRoot, env, planMs);
  const forNx: NxProjectGraph['nodes'] = nodes;
  // Nx returns them in the order in which it found their files.
  const projects = Object.values(nodes)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(surveyed);
  const survey = surveyRules(
    rules,
    projects,
    (patterns) => matchProjects(workspaceRoot, patterns, forNx),
    runOnMain,
  );
  return { ...survey, warnings: [...(await ignoredFile(workspaceRoot, rules)), ...survey.warnings] };
}
