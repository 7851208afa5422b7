import { execFile } from 'node:child_process';
import type { Problem, Rule } from './rule';

/**
 * A file that git ignores does not exist in CI jobs, even if it works here. Reports nothing if git cannot be asked.
 * Checks only the file of the first rule, because all rules are in one file.
 */
export function ignoredFile(workspaceRoot: string, rules: readonly Rule[]): Promise<Problem[]> {
  const [rule] = rules;
  if (rule === undefined) return Promise.resolve([]);
  const { file } = rule;
  const message =
    'git ignores it, so CI jobs do not have it: remove `.nx` from .gitignore (`.nx/cache` is enough)';
  return new Promise((resolve) => {
    execFile('git', ['check-ignore', '--quiet', file], { cwd: workspaceRoot }, (error) => {
      resolve(error === null ? [{ file, line: 1, level: 'warning', message }] : []);
    });
  });
}
