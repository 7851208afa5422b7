import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

// Every nx command on every developer's machine loads this file, as `@org/dte-nx-compat/workspace-root`: it requires nothing else.

/**
 * The nearest folder upwards with an nx.json; the start folder itself if there is none. Nx searches the same way, but
 * only once, at load; `NX_WORKSPACE_ROOT_PATH` has precedence there and here.
 * @param from absolute folder to start at; default: the current one
 */
export function findWorkspaceRoot(
  from: string = process.cwd(),
  env: NodeJS.ProcessEnv = process.env,
): string {
  if (env['NX_WORKSPACE_ROOT_PATH']) return env['NX_WORKSPACE_ROOT_PATH'];
  let folder = resolve(from);
  while (!existsSync(join(folder, 'nx.json'))) {
    const parent = dirname(folder);
    if (parent === folder) return resolve(from);
    folder = parent;
  }
  return folder;
}
