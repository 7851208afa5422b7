import { DteError } from '@org/dte-protocol';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const nxJsonSchema = z.looseObject({
  tasksRunnerOptions: z
    .looseObject({ default: z.looseObject({ options: z.looseObject({}).optional() }).optional() })
    .optional(),
});

/** Nx allows comments and trailing commas in nx.json; strings are left as they are. */
const withoutComments = (text: string): string =>
  text
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (found) =>
      found.startsWith('"') ? found : ' ',
    )
    .replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, (found) => (found.startsWith('"') ? found : ''));

/**
 * tasksRunnerOptions.default.options of a workspace, `{}` when there are none or no nx.json.
 * @throws DteError DTE_BAD_CONFIG when nx.json cannot be read as JSON
 */
export function readNxJsonOptions(workspaceRoot: string): Readonly<Record<string, unknown>> {
  const path = join(workspaceRoot, 'nx.json');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return {};
  }
  try {
    return nxJsonSchema.parse(JSON.parse(withoutComments(text))).tasksRunnerOptions?.default?.options ?? {};
  } catch (cause) {
    throw new DteError('DTE_BAD_CONFIG', `${path} is not valid JSON of an Nx workspace.`, { cause });
  }
}
