import { readNxJson as read } from '@org/dte-nx-compat';
import { DteError } from '@org/dte-protocol';

/**
 * The parts of a workspace's nx.json that we use; empty if there is no nx.json.
 * @throws DteError DTE_BAD_CONFIG if it is not valid JSON
 */
export function readNxJson(workspaceRoot: string): ReturnType<typeof read> {
  try {
    return read(workspaceRoot);
  } catch (thrown) {
    throw DteError.from(thrown, 'DTE_BAD_CONFIG');
  }
}

/**
 * tasksRunnerOptions.default.options of a workspace; `{}` if there are none, or no nx.json.
 * @throws DteError DTE_BAD_CONFIG if nx.json is not valid JSON
 */
export const readNxJsonOptions = (workspaceRoot: string): Readonly<Record<string, unknown>> =>
  readNxJson(workspaceRoot).runnerOptions;
