import { GITLAB_FILE, type GitlabFileOptions } from '../../pipeline';
import { type Pool } from '../../pipeline/options';
import { agentsIn } from '../../pipeline/pools';
import { hasImage, stageOfMain } from '../ci/ci-file';
import { defaultStage } from '../ci/stages';
import { cacheIn, defaultBranch } from '../nx/nx-json';
import { checkCache } from './cache';
import { type Repository } from '../workspace/repository';
import { type Tree } from '../workspace/tree';
import { type Detected } from '../survey/detect-work';
import { type Installed } from './detect';
import { detectImage } from './detect-image';
import { DEFAULTS, readHeader, type Flags } from './options';

const NONE = 'none';
const listed = (values: readonly string[]): string[] => values.filter((value) => value !== NONE);

interface Known {
  readonly installed: Installed;
  readonly repository: Repository;
  /** .gitlab-ci.yml and what it includes. */
  readonly files: ReadonlyMap<string, string>;
  /** Agents that a vendor would have started; null if unknown. */
  readonly agents: number | readonly Pool[] | null;
  /** From the project graph and the workspace's files. */
  readonly detected: Detected;
}

/**
 * Every option: from a flag, from an earlier run, detected in the workspace, or the default.
 * @throws DteError DTE_BAD_CONFIG if two of them do not fit together
 */
export function resolveOptions(tree: Tree, flags: Flags, known: Known): GitlabFileOptions {
  const written = tree.exists(GITLAB_FILE) ? tree.read(GITLAB_FILE, 'utf-8') : null;
  const before = readHeader(written);
  const { detected } = known;
  const ciFile = known.files.get(known.repository.ciFile) ?? '';
  const texts = [...known.files.values()];
  const nxJson = tree.exists('nx.json') ? (tree.read('nx.json', 'utf-8') ?? '{}') : '{}';
  const image = flags.image ?? before.image ?? (hasImage(ciFile) ? NONE : detectImage(tree));
  const mainStage = texts.map(stageOfMain).find((stage) => stage !== null);
  const agents = flags.agents ?? before.agents ?? known.agents ?? DEFAULTS.agents;
  const { packageManager, packageManagerVersion, lockfile } = known.installed;
  const coordinator = flags.coordinator ?? before.coordinator ?? DEFAULTS.coordinator;
  const cache = flags.cache ?? cacheIn(nxJson) ?? before.cache ?? 'none';
  checkCache(cache, coordinator);
  return {
    agents: typeof agents === 'number' ? agents : agentsIn(agents),
    pools: typeof agents === 'number' ? [] : agents,
    parallel: flags.parallel ?? before.parallel ?? detected.parallel ?? DEFAULTS.parallel,
    slots: flags.slots ?? before.slots ?? 'parallel',
    targets: flags.targets ?? before.targets ?? [...detected.targets],
    coordinator,
    mainBranch: flags.mainBranch ?? before.mainBranch ?? defaultBranch(nxJson) ?? DEFAULTS.mainBranch,
    image: image === NONE ? null : image,
    stage: flags.stage ?? before.stage ?? mainStage ?? defaultStage(ciFile),
    artifacts: listed(flags.artifacts ?? before.artifacts ?? detected.artifacts),
    tags: listed(flags.tags ?? before.tags ?? []),
    packageManager,
    packageManagerVersion,
    lockfile,
    folder: known.repository.folder,
    // A file that was written without it stays as it is.
    formatCheck: flags.formatCheck ?? before.formatCheck ?? (written === null && detected.formatCheck.isKept),
    cache,
    dynamic: flags.dynamic ?? before.dynamic ?? false,
  };
}
