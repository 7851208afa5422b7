import { matchProjects, type NxProjectGraph } from '@org/dte-nx-compat';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Env } from '@org/dte-config';
import {
  ignoredFile,
  type Rule,
  runNx,
  type Survey,
  type SurveyedProject,
  surveyRules,
} from '@org/dte-runner';

const targetSchema = z.looseObject({
  configurations: z.record(z.string(), z.unknown()).optional(),
  defaultConfiguration: z.string().optional(),
});
const nodeSchema = z.looseObject({
  name: z.string(),
  type: z.string(),
  data: z.looseObject({ root: z.string(), targets: z.record(z.string(), targetSchema).optional() }),
});
/** The content that `nx graph --file` writes. */
const graphFileSchema = z.looseObject({
  graph: z.looseObject({ nodes: z.record(z.string(), nodeSchema) }),
});

type Nodes = z.infer<typeof graphFileSchema>['graph']['nodes'];

/** Calls Nx's command line: in a separate process, whatever it starts also ends with it. */
async function projectsOf(workspaceRoot: string, env: Env, timeoutMs: number): Promise<Nodes> {
  const folder = mkdtempSync(join(tmpdir(), 'dte-graph-'));
  try {
    const path = join(folder, 'graph.json');
    const failure = await runNx(workspaceRoot, ['graph', `--file=${path}`], timeoutMs, env);
    if (failure !== null) throw failure;
    return graphFileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).graph.nodes;
  } catch (thrown) {
    throw DteError.from(thrown, 'DTE_PLAN_FAILED');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

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
