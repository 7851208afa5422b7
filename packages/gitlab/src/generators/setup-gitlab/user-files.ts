import { localIncludes } from '../ci/include';
import { readYaml } from '../text/yaml';
import { isGenerated, type Repository } from '../workspace/repository';
import { type Tree } from '../workspace/tree';

/**
 * The project's own GitLab files by their paths in the tree: .gitlab-ci.yml and the files that it includes from the
 * repository by name, without those that we generate.
 */
export function userFiles(
  tree: Pick<Tree, 'exists' | 'read'>,
  { ciFile, inTree }: Repository,
): Map<string, string> {
  const files = new Map<string, string>();
  const waiting = [ciFile];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (files.has(path) || !tree.exists(path)) continue;
    const text = tree.read(path, 'utf-8');
    if (text === null) continue;
    files.set(path, text);
    const yaml = readYaml(text);
    if (yaml !== null)
      waiting.push(
        ...localIncludes(yaml)
          .filter((file) => !isGenerated(file))
          .map(inTree),
      );
  }
  return files;
}
