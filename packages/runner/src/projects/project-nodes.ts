import { DteError } from '@org/dte-protocol';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { Env } from '@org/dte-config';
import { runNx } from '../plan/run-nx';

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

export type Nodes = z.infer<typeof graphFileSchema>['graph']['nodes'];

/**
 * The nodes of the project graph. Calls Nx's command line: in a separate process, whatever it starts also ends with it.
 * @throws DteError DTE_PLAN_FAILED if Nx cannot list the projects
 */
export async function projectsOf(workspaceRoot: string, env: Env, timeoutMs: number): Promise<Nodes> {
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
