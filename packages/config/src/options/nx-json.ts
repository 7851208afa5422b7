import { DteError } from '@org/dte-protocol';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const nxJsonSchema = z.looseObject({
  tasksRunnerOptions: z
    .looseObject({ default: z.looseObject({ options: z.looseObject({}).optional() }).optional() })
    .optional(),
  /** The branch that `nx affected` compares with where nobody says otherwise. */
  defaultBase: z.string().min(1).optional(),
});
type NxJson = z.infer<typeof nxJsonSchema>;

/** Nx allows comments and trailing commas in nx.json; strings are left as they are. */
const withoutComments = (text: string): string =>
  text
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
      found.startsWith('"') ? found : ' ',
    )
    .replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, (found) => (found.startsWith('"') ? found : ''));

/**
 * nx.json of a workspace, as far as it concerns us; `{}` when there is none.
 * @throws DteError DTE_BAD_CONFIG when it cannot be read as JSON
 */
export function readNxJson(workspaceRoot: string): NxJson {
  const path = join(workspaceRoot, 'nx.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return {};
  }
  try {
    return nxJsonSchema.parse(JSON.parse(withoutComments(text)));
  } catch (cause) {
    throw new DteError('DTE_BAD_CONFIG', `${path} is not valid JSON of an Nx workspace.`, { cause });
  }
}

/**
 * tasksRunnerOptions.default.options of a workspace, `{}` when there are none or no nx.json.
 * @throws DteError DTE_BAD_CONFIG when nx.json cannot be read as JSON
 */
export const readNxJsonOptions = (workspaceRoot: string): Readonly<Record<string, unknown>> =>
  readNxJson(workspaceRoot).tasksRunnerOptions?.default?.options ?? {};
