import { localIncludes } from '../ci/include';
import { stagesOf } from '../ci/stages';
import { readYaml } from '../text/yaml';
import { isGenerated, type Repository } from '../workspace/repository';

/**
 * Does a file of GitLab's that is restored keep what other workspaces of the repository need: their includes, and the
 * stages of their jobs? They may have been added below lines that this workspace's setup had changed.
 */
export function keepsOthers({ ours }: Repository, before: string, after: string): boolean {
  const [was, now] = [readYaml(before), readYaml(after)];
  // What cannot be read now could not be read before the setup.
  if (was === null) return true;
  if (now === null) return false;
  const others = localIncludes(was).filter((path) => path !== ours);
  const left = localIncludes(now);
  if (!others.every((path) => left.includes(path))) return false;
  const stages = others.some(isGenerated) ? (stagesOf(before) ?? []) : [];
  return stages.every((stage) => stagesOf(after)?.includes(stage) === true);
}
