import { DteError } from '@org/dte-protocol';
import { GITLAB_FILE } from '../../pipeline';
import { formatLike } from '../workspace/format';
import { installPackages } from '../workspace/install';
import { NX_PORTS, type NxPorts } from '../survey/workspace-view';
import { Report } from '../workspace/report';
import { tearDownFile } from '../tear-down/tear-down';
import { findRepository, type Repository } from '../workspace/repository';
import { put, type AfterWrite, type Tree } from '../workspace/tree';
import { RECORD_FILE, recordEdits, type FileEdit } from '../undo/record';
import { detectPackageManager } from './detect';
import { survey } from './survey';
import { parseFlags } from './options';
import { planSetup, type Plan } from './plan';

const WHEN_DONE = 'Commit, push, and the next pipeline is distributed.';

/** The plan in the workspace's own formatting, compared with the existing files. */
async function editsOf(tree: Tree, plan: Plan, format: boolean): Promise<(FileEdit & { isNew: boolean })[]> {
  const edits: (FileEdit & { isNew: boolean })[] = [];
  for (const [file, planned] of plan) {
    const before = tree.exists(file) ? tree.read(file, 'utf-8') : null;
    const own = file === GITLAB_FILE;
    // What is above the workspace belongs to others, who may format it differently.
    const mayFormat = format && !file.startsWith('../');
    const after = mayFormat ? await formatLike(tree.root, file, own ? null : before, planned) : planned;
    // The difference may be only formatting.
    if (after !== before) edits.push({ file, before: before ?? '', after, isNew: before === null });
  }
  return edits;
}

/** Edits that `remove` could not undo from the file alone. */
const inexact =
  (repository: Repository) =>
  ({ file, before, after, isNew }: FileEdit & { isNew: boolean }): boolean =>
    file !== GITLAB_FILE && tearDownFile(repository, file, after) !== (isNew ? null : before);

/**
 * `nx g @org/dte:setup-gitlab`: the tasks runner, the alias, the GitLab file and its include. A second run changes
 * nothing; `nx g @org/dte:remove` undoes everything.
 * @param version of @org/dte, for package.json
 * @param ports Nx itself; only tests set it
 * @throws DteError DTE_BAD_CONFIG for an invalid flag, or without a package.json
 */
export async function setupGitlab(
  tree: Tree,
  raw: unknown,
  version: string,
  ports: NxPorts = NX_PORTS,
): Promise<AfterWrite> {
  const flags = parseFlags(raw);
  if (!tree.exists('package.json')) {
    throw new DteError(
      'DTE_BAD_CONFIG',
      'There is no package.json in the root of this workspace. dte is installed with it, next to nx.',
    );
  }
  const report = new Report();
  const installed = detectPackageManager(tree);
  const repository = findRepository(tree);
  const { detected, tell } = await survey({ tree, repository, flags, report, ports });
  const plan = planSetup({ tree, repository, flags, installed, version, report, detected });
  tell(plan);
  const edits = await editsOf(tree, plan, flags.skipFormat !== true);
  for (const { file, after, isNew } of edits) {
    if (put(tree, file, after) && file === GITLAB_FILE) report.change(file, isNew ? 'written' : 'rewritten');
  }
  const kept = edits.filter(inexact(repository));
  recordEdits(tree, kept);
  if (kept.length > 0)
    report.change(RECORD_FILE, `what remove restores in ${kept.map(({ file }) => file).join(', ')}`);
  console.log(`\n${report.render('GitLab setup', WHEN_DONE)}\n`);
  const reinstall = edits.some(({ file }) => file === 'package.json');
  return () => {
    if (reinstall) installPackages(tree.root, installed.packageManager);
  };
}
