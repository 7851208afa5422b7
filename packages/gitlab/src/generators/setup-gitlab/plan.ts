import { GITLAB_FILE } from '../../pipeline';
import { packageManagerSteps } from '../../pipeline/package-managers';
import { CI_FILE, setUpCiFile, tellRivals } from '../ci/ci-file';
import { setUpNxJson } from '../nx/nx-json';
import { setUpPackageJson, vendorPackages } from '../nx/package-json';
import { type Report } from '../workspace/report';
import { parseJson } from '../text/json';
import { type Tree } from '../workspace/tree';
import { completeJobs, rewriteVendor, rolesIn, tellSeveralMains } from '../migration';
import { type Installed } from './detect';
import { gitlabFile } from './gitlab-file';
import { type Flags } from './options';
import { resolveOptions } from './resolve';
import { userFiles } from './user-files';

/** The new content of files, by path. May include unchanged ones. */
export type Plan = ReadonlyMap<string, string>;

const VENDOR_CONFIG = ['.nx/ci-config.yaml', '.nx/workflows'];
const TRACES = /nx-cloud|nxCloud|NX_CLOUD_/;

interface Given {
  readonly tree: Tree;
  readonly flags: Flags;
  readonly installed: Installed;
  readonly version: string;
  readonly report: Report;
}

function tellVendor(tree: Tree, report: Report): void {
  report.hand(
    'GitLab, Settings > CI/CD > Variables',
    'delete NX_CLOUD_ACCESS_TOKEN and NX_CLOUD_AUTH_TOKEN if they exist (also in groups): with them, Nx contacts the vendor and does not call dte',
  );
  for (const path of VENDOR_CONFIG.filter((file) => tree.exists(file))) {
    report.hand(path, 'it is no longer read: delete it if you do not want to go back');
  }
}

interface GitlabPlan {
  readonly files: Map<string, string>;
  readonly forwardEnv: readonly string[];
}

/** The GitLab files: the user's own first, because work that they already do is not repeated. */
function planGitlab({ tree, flags, installed, report }: Given): GitlabPlan {
  const { run } = packageManagerSteps(installed);
  const files = userFiles(tree);
  const asked = [...files].map(([path, text]) => {
    const result = rewriteVendor(text, path, run, report);
    files.set(path, result.text);
    return result.asked;
  });
  const counts = asked.map(({ agents }) => agents).filter((agents) => agents !== null);
  const agents = counts.length === 0 ? null : Math.max(...counts);
  const options = resolveOptions(tree, flags, { installed, files, agents });
  const roles = new Set([...files.values()].flatMap((text) => [...rolesIn(text)]));
  for (const [path, text] of files) {
    files.set(path, completeJobs(text, path, options.coordinator, report));
    tellSeveralMains(text, path, report);
  }
  if (!roles.has('agent')) {
    const wanted = roles.has('main') ? 'agents' : 'all';
    const shown = wanted === 'agents' ? { ...options, dynamic: false } : options;
    if (options.dynamic && wanted === 'agents')
      report.hand(
        CI_FILE,
        '--dynamic works only with the job nx of the generated file: remove your main job and run this again',
      );
    if (options.tags.length === 0)
      report.tip('If your runners are selected by tags: nx g @org/dte:setup-gitlab --tags=<tags>');
    files.set(GITLAB_FILE, gitlabFile(shown, wanted));
    if (wanted === 'all')
      for (const [path, text] of files) if (path !== GITLAB_FILE) tellRivals(text, path, report);
    files.set(CI_FILE, setUpCiFile(files.get(CI_FILE) ?? null, options.stage, report));
  } else if (!roles.has('main')) {
    report.hand(
      CI_FILE,
      'has agents but no job that runs `dte start-ci-run`: see docs/gitlab.md for the main job',
    );
  }
  if (roles.has('agent'))
    report.tip(
      `Main job and agents are your own jobs: of the flags, only --coordinator has an effect (no ${GITLAB_FILE}).`,
    );
  return { files, forwardEnv: asked.flatMap(({ forwardEnv }) => forwardEnv) };
}

/** Everything that the setup writes. Reads the tree and changes nothing. */
export function planSetup(given: Given): Plan {
  const { tree, installed, version, report } = given;
  const read = (path: string): string => (tree.exists(path) ? (tree.read(path, 'utf-8') ?? '{}') : '{}\n');
  const before = userFiles(tree);
  const { files, forwardEnv } = planGitlab(given);
  const [nxJson, packageJson] = [read('nx.json'), read('package.json')];
  files.set('nx.json', setUpNxJson(nxJson, forwardEnv, report));
  files.set('package.json', setUpPackageJson(packageJson, version, report));
  vendorPackages(packageJson, report);
  const hadVendor =
    [...before].some(([path, text]) => TRACES.test(text) && files.get(path) !== text) ||
    'nxCloudId' in parseJson(nxJson) ||
    'nxCloudAccessToken' in parseJson(nxJson);
  if (hadVendor) tellVendor(tree, report);
  if (!installed.hasLockfile) report.hand(installed.lockfile, 'commit the lockfile: jobs install from it');
  return files;
}
