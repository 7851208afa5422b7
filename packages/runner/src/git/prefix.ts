import { git } from './git';

/** Root -> answer. Where a workspace is in its repository does not change while a command runs. */
const known = new Map<string, Promise<string | null>>();
/** Root -> an answer to another question that contains it; null: it does not. */
const hints = new Map<string, Promise<string | null>>();

/** The folder of a workspace in its repository, with `/` at its end, or empty. Asked once; null if git fails. */
export function repositoryPrefix(workspaceRoot: string, timeout: number): Promise<string | null> {
  const answer = known.get(workspaceRoot) ?? ask(workspaceRoot, timeout);
  known.set(workspaceRoot, answer);
  return answer;
}

/** Who asks git for something else gets the prefix with it. */
export function hintPrefix(workspaceRoot: string, hint: Promise<string | null>): void {
  hints.set(
    workspaceRoot,
    hint.catch(() => null),
  );
}

async function ask(workspaceRoot: string, timeout: number): Promise<string | null> {
  const hinted = await hints.get(workspaceRoot);
  if (hinted !== undefined && hinted !== null) return hinted;
  const prefix = await git(workspaceRoot, ['rev-parse', '--show-prefix'], timeout);
  // An answer later may be another one.
  if (prefix === null) known.delete(workspaceRoot);
  return prefix?.trim() ?? null;
}
