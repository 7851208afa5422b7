import { GITLAB_FILE } from '../../pipeline';
import { REPORT_FOLDER } from '../../pipeline/shared-job';
import { setUpCiFile, tellRivals } from '../ci/ci-file';
import { setUpNxJson, type Wishes } from '../nx/nx-json';
import { setUpPackageJson, vendorPackages } from '../nx/package-json';
import { type Report } from '../workspace/report';
import { type Repository } from '../workspace/repository';
import { parseJson } from '../text/json';
import { type Tree } from '../workspace/tree';
import { completeJobs, rolesIn, scopeOf, tellSeveralMains } from '../migration';
import { type Detected } from '../survey/detect-work';
import { type Installed } from './detect';
import { gitlabFile } from './gitlab-file';
import { migrate, RULES_FILE, tellLabels } from './migrate';
import { type Flags } from './options';
import { resolveOptions } from './resolve';
import { cacheFor, tellCache } from './cache';
import { tellPlace } from './tell-place';
import { userFiles } from './user-files';

/** The new content of files, by path. May include unchanged ones. */
export type Plan = ReadonlyMap<string, string>;

const TRACES = /nx-cloud|nxCloud|NX_CLOUD_/;

interface Given {
  readonly tree: Tree;
  readonly repository: Repository;
  readonly flags: Flags;
  readonly installed: Installed;
  readonly version: string;
  readonly report: Report;
  readonly detected: Detected;
}

function tellVendor(files: readonly string[], report: Report): void {
  report.hand(
    'GitLab, Settings > CI/CD > Variables',
    'delete NX_CLOUD_ACCESS_TOKEN and NX_CLOUD_AUTH_TOKEN if they exist (also in groups): with them, Nx contacts the vendor and does not call dte',
  );
  for (const path of files) {
    report.hand(path, 'it is no longer read: delete it if you do not want to go back');
  }
}

/** It can fail a pipeline whose tasks all pass, so the user must know of it. */
function tellFormatCheck(
  tree: Tree,
  isKept: boolean,
  { flags, detected, report }: Pick<Given, 'flags' | 'detected' | 'report'>,
): void {
  const command = 'npx nx g @org/dte:setup-gitlab';
  const { unformatted } = detected.formatCheck;
  if (isKept)
    report.tip(
      `Before the tasks, job nx checks the format of the changed files (\`nx format:check\`). Without it: ${command} --format-check=false`,
    );
  else if (unformatted.length > 0 && flags.formatCheck === undefined && !tree.exists(GITLAB_FILE))
    report.tip(
      `The pipeline does not check the format, because ${unformatted.join(' and ')} would fail. With the check: npx nx format:write --all && ${command} --format-check`,
    );
}

interface GitlabPlan {
  readonly files: Map<string, string>;
  readonly wishes: Wishes;
  readonly vendorFiles: readonly string[];
}

/** The GitLab files: the user's own first, because work that they already do is not repeated. */
function planGitlab({ tree, repository, flags, installed, report, detected }: Given): GitlabPlan {
  const { ciFile, folder } = repository;
  const files = userFiles(tree, repository);
  const migration = migrate({ tree, repository, installed, report }, files);
  const { agents, wishes, vendorFiles, rulesFile, labels } = migration;
  const options = resolveOptions(tree, flags, { installed, repository, files, agents, detected });
  const roles = new Set([...files.values()].flatMap((text) => [...rolesIn(text, scopeOf(text, folder))]));
  for (const [path, text] of files) {
    files.set(path, completeJobs(text, { path, folder, coordinator: options.coordinator }, report));
    tellSeveralMains(text, { path, scope: scopeOf(text, folder) }, report);
  }
  if (!roles.has('agent')) {
    const wanted = roles.has('main') ? 'agents' : 'all';
    const shown = wanted === 'agents' ? { ...options, dynamic: false } : options;
    if (options.dynamic && wanted === 'agents')
      report.hand(
        ciFile,
        '--dynamic works only with the job nx of the generated file: remove your main job and run this again',
      );
    if (wanted === 'all') tellFormatCheck(tree, options.formatCheck, { flags, detected, report });
    if (options.tags.length === 0)
      report.tip('If your runners are selected by tags: npx nx g @org/dte:setup-gitlab --tags=<tags>');
    files.set(GITLAB_FILE, gitlabFile(shown, wanted));
    if (wanted === 'all')
      for (const [path, text] of files)
        if (path !== GITLAB_FILE) tellRivals(text, { ...repository, path }, scopeOf(text, folder), report);
    files.set(ciFile, setUpCiFile(files.get(ciFile) ?? null, repository, options.stage, report));
  } else if (!roles.has('main')) {
    report.hand(
      ciFile,
      'has agents but no job that runs `dte start-ci-run`: see docs/how-to/set-up-manually.md for the main job',
    );
  }
  if (roles.has('agent'))
    report.tip(
      `Main job and agents are your own jobs: of the flags, only --coordinator has an effect (no ${GITLAB_FILE}).`,
    );
  if (roles.has('main') && ![...files.values()].some((text) => text.includes(REPORT_FOLDER)))
    report.tip(
      'Your own main job keeps no report: copy `artifacts` from docs/how-to/set-up-manually.md to it to see in GitLab what failed.',
    );
  if (roles.has('agent')) tellLabels(labels, [...files.values()], report);
  if (rulesFile !== null) files.set(RULES_FILE, rulesFile);
  tellCache(options, roles.has('main') ? ciFile : null, report);
  return { files, wishes: { ...wishes, cache: cacheFor(options) }, vendorFiles };
}

/** Everything that the setup writes. Reads the tree and changes nothing. */
export function planSetup(given: Given): Plan {
  const { tree, repository, installed, version, report } = given;
  const read = (path: string): string => (tree.exists(path) ? (tree.read(path, 'utf-8') ?? '{}') : '{}\n');
  const before = userFiles(tree, repository);
  tellPlace(tree, repository, report);
  const { files, wishes, vendorFiles } = planGitlab(given);
  const [nxJson, packageJson] = [read('nx.json'), read('package.json')];
  files.set('nx.json', setUpNxJson(nxJson, wishes, report));
  files.set('package.json', setUpPackageJson(packageJson, version, report));
  vendorPackages(packageJson, report);
  const hadVendor =
    [...before].some(([path, text]) => TRACES.test(text) && files.get(path) !== text) ||
    'nxCloudId' in parseJson(nxJson) ||
    'nxCloudAccessToken' in parseJson(nxJson);
  if (hadVendor || vendorFiles.length > 0) tellVendor(vendorFiles, report);
  if (!installed.hasLockfile) report.hand(installed.lockfile, 'commit the lockfile: jobs install from it');
  return files;
}
