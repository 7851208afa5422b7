import type { Tree } from '@nx/devkit';
import { remove, type AfterWrite } from '@org/dte-gitlab/generators';

export default (tree: Tree): AfterWrite => remove(tree);
