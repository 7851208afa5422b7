import { readNxJson as read } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';

/**
 * nx.json of a workspace, as far as it concerns us; nothing is in it when there is none.
 * @throws DteError DTE_BAD_CONFIG when it cannot be read as JSON
 */
export function readNxJson(workspaceRoot: string): ReturnType<typeof read> {
  try {
    return read(workspaceRoot);
  } catch (thrown) {
    throw DteError.from(thrown, 'DTE_BAD_CONFIG');
  }
}

/**
 * tasksRunnerOptions.default.options of a workspace, `{}` when there are none or no nx.json.
 * @throws DteError DTE_BAD_CONFIG when nx.json cannot be read as JSON
 */
export const readNxJsonOptions = (workspaceRoot: string): Readonly<Record<string, unknown>> =>
  readNxJson(workspaceRoot).runnerOptions;
