import { GITLAB_FILE } from '../../pipeline';
import { installPackages } from '../workspace/install';
import { scopeOf } from '../migration';
import { tellOwnShim } from '../nx/package-json';
import { Report } from '../workspace/report';
import { detectPackageManager } from '../setup-gitlab/detect';
import { userFiles } from '../setup-gitlab/user-files';
import { keepsOthers } from '../tear-down/keeps-others';
import { tearDownFile } from '../tear-down/tear-down';
import { lineNumber } from '../text/splice';
import { keyText, rangeOf, readYaml, textsOf, topPair } from '../text/yaml';
import { findRepository, type Repository } from '../workspace/repository';
import { put, type AfterWrite, type Tree } from '../workspace/tree';
import { RECORD_FILE, undoRecorded } from '../undo/record';

const WHEN_DONE = 'To uninstall it as well, remove @org/dte with your package manager.';

const read = (tree: Tree, path: string): string | null =>
  tree.exists(path) ? tree.read(path, 'utf-8') : null;

/** Undoes what is in the record, then what can be detected without one. */
function takeBack(tree: Tree, repository: Repository, report: Report): void {
  const own = ['nx.json', 'package.json', repository.ciFile, GITLAB_FILE];
  const before = new Map(own.map((file) => [file, read(tree, file)]));
  const recorded = undoRecorded(
    tree,
    (file, text, restored) => !/\.ya?ml$/.test(file) || keepsOthers(repository, text, restored),
  );
  for (const { file, line, was } of recorded.lost) {
    const text = was
      .map((one) => one.trimEnd())
      .join(' ⏎ ')
      .trim();
    report.hand(`${file}:${line}`, `edited since; previous content: ${text}`);
  }
  for (const file of own) {
    const text = read(tree, file);
    if (text !== null) put(tree, file, tearDownFile(repository, file, text));
  }
  for (const file of new Set([...own, ...recorded.files])) {
    const now = read(tree, file);
    if (now === null && before.get(file) != null) report.change(file, 'deleted');
    else if (recorded.files.includes(file) || before.get(file) !== now) report.change(file, 'reverted');
  }
  if (recorded.files.length > 0) report.change(RECORD_FILE, 'deleted');
}

/** The user's own lines that would fail without dte. */
function tellLeftovers(tree: Tree, repository: Repository, report: Report): void {
  for (const [path, text] of userFiles(tree, repository)) {
    const scope = scopeOf(text, repository.folder);
    const root = readYaml(text)?.root;
    for (const { scalar, parents } of root ? textsOf(root) : []) {
      const job = topPair(parents);
      if (job === undefined || !scope(keyText(job))) continue;
      const [command] =
        /\bdte (?:start-ci-run|start-agent|record|complete-ci-run|base-sha|plan)\b/.exec(scalar.value) ?? [];
      if (command !== undefined)
        report.hand(`${path}:${lineNumber(text, rangeOf(scalar).start)}`, `still runs \`${command}\``);
    }
  }
}

/** `nx g @org/dte:remove`: undoes everything that `setup-gitlab` has written, exactly to the byte if the files were not edited. */
export function remove(tree: Tree): AfterWrite {
  const report = new Report();
  const manifest = read(tree, 'package.json');
  const repository = findRepository(tree);
  takeBack(tree, repository, report);
  tellOwnShim(read(tree, 'package.json') ?? '{}', report);
  tellLeftovers(tree, repository, report);
  console.log(`\n${report.render('removed', WHEN_DONE)}\n`);
  const reinstall = read(tree, 'package.json') !== manifest;
  return () => {
    if (reinstall) installPackages(tree.root, detectPackageManager(tree).packageManager);
  };
}
