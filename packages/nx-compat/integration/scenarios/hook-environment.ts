import { environmentOfHooks, resolveNx } from '../../src';

/** What is known about a process in which Nx has started and hooks have run. */
export async function run({ workspaceRoot }: { workspaceRoot: string }): Promise<Record<string, string>> {
  resolveNx(workspaceRoot)
    .load<{ loadRootEnvFiles(root: string): void }>('src/utils/dotenv')
    .loadRootEnvFiles(workspaceRoot);
  Object.assign(process.env, { FROM_HOOK: 'v1', OVER_FILE: 'hook', CHANGED: 'hook', NX_TUI: 'false' });
  Reflect.deleteProperty(process.env, 'GONE');
  const changed = environmentOfHooks(workspaceRoot) ?? {};
  return Promise.resolve(
    Object.fromEntries(Object.entries(changed).map(([name, value]) => [name, value ?? '(removed)'])),
  );
}
