import type { Tree } from '@nx/devkit';
import { setupGitlab, type AfterWrite } from '@org/dte-gitlab/generators';
import { ownVersion } from '../../cli/own-version';

// Of @nx/devkit only types are used: a workspace may have just the package `nx`.
export default (tree: Tree, flags: unknown): Promise<AfterWrite> => setupGitlab(tree, flags, ownVersion());
