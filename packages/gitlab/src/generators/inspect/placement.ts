import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { GITLAB_FILE } from '../../pipeline/options';
import { enter } from '../../pipeline/place';
import { includesFile } from '../ci/include';
import { userFiles } from '../setup-gitlab/user-files';
import { findPair, readYaml } from '../text/yaml';
import { findRepository } from '../workspace/repository';

/** What is wrong with where a workspace has its GitLab files. */
export interface PlacementProblem {
  /** `unread`: GitLab does not read the file. `unsure`: perhaps. `outside`: its jobs do not begin in the workspace. */
  readonly kind: 'unread' | 'unsure' | 'outside';
  /** From the workspace. */
  readonly file: string;
  /** Of the workspace in its repository; empty at the root. */
  readonly folder: string;
  /** The file that GitLab reads, from the workspace. */
  readonly ciFile: string;
}

/** Does GitLab read what the generator wrote into this workspace? Reads files only. */
export function inspectPlacement(workspaceRoot: string): PlacementProblem[] {
  const read = (path: string): string | null => {
    const file = join(workspaceRoot, path);
    return existsSync(file) ? readFileSync(file, 'utf8') : null;
  };
  const tree = { root: workspaceRoot, exists: (path: string) => existsSync(join(workspaceRoot, path)), read };
  const repository = findRepository(tree);
  const { folder, ciFile, ours } = repository;
  const problems: PlacementProblem[] = [];
  const add = (kind: PlacementProblem['kind'], file: string): void =>
    void problems.push({ kind, file, folder, ciFile });
  const generated = read(GITLAB_FILE);
  if (generated !== null) {
    const files = [...userFiles(tree, repository).values()].map(readYaml);
    const isIncluded = files.some((yaml) => yaml !== null && includesFile(yaml, ours));
    // An include of another project, or one that cannot be read, may lead here.
    const mayBe = files.some((yaml) => !yaml?.root || findPair(yaml.root, 'include') !== undefined);
    if (!isIncluded) add(mayBe ? 'unsure' : 'unread', GITLAB_FILE);
    else if (!enter({ folder }).every((line) => generated.includes(line))) add('outside', GITLAB_FILE);
  }
  if (folder !== '' && read('.gitlab-ci.yml') !== null) add('unsure', '.gitlab-ci.yml');
  return problems;
}
