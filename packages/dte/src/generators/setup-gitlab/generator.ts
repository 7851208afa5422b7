import { setupGitlab, type AfterWrite, type Tree } from '@org/dte-gitlab/generators';
import { ownVersion } from '../../cli/own-version';

export default (tree: Tree, flags: unknown): Promise<AfterWrite> => setupGitlab(tree, flags, ownVersion());
