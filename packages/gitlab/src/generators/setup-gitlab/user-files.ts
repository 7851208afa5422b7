import { GITLAB_FILE } from '../../pipeline';
import { CI_FILE } from '../ci/ci-file';
import { localIncludes } from '../ci/include';
import { readYaml } from '../text/yaml';
import { type Tree } from '../workspace/tree';

/** The project's own GitLab files by path: .gitlab-ci.yml and the files that it includes from the repository by name. */
export function userFiles(tree: Tree): Map<string, string> {
  const files = new Map<string, string>();
  const waiting = [CI_FILE];
  for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
    if (files.has(path) || path === GITLAB_FILE || !tree.exists(path)) continue;
    const text = tree.read(path, 'utf-8');
    if (text === null) continue;
    files.set(path, text);
    const yaml = readYaml(text);
    if (yaml !== null) waiting.push(...localIncludes(yaml));
  }
  return files;
}
