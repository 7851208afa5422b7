/** Yarn 1 and yarn berry share a name and a lock file, but not flags or folders, so they are two here. */
export type PackageManager = 'npm' | 'yarn' | 'yarn-berry' | 'pnpm' | 'bun';

/** Agents of one kind. */
export interface Pool {
  readonly labels: readonly string[];
  readonly agents: number;
}

/** Stores of results that later pipelines may use (option `cache`). */
export const CACHE_STORES = ['none', 's3', 'gitlab-artifacts', 'coordinator'] as const;
export type CacheStore = (typeof CACHE_STORES)[number];

/** The options of the generated GitLab file. The generator resolves them; rendering is pure. */
export interface GitlabFileOptions {
  /** Agent jobs, 1 to 200 (GitLab's own limit for `parallel`). With `dynamic`: the maximum for a plan. */
  agents: number;
  /** Agents of different kinds, for assignment rules, `agents` altogether; empty if they are all of one kind. */
  pools: readonly Pool[];
  /** Tasks at a time on each agent: `nx affected --parallel`. */
  parallel: number;
  /** `parallel`: each agent runs `parallel` tasks at a time. `auto`: fewer while big ones run (`dte start-agent --slots=auto`). */
  slots: 'parallel' | 'auto';
  /** At least one target, in the order of the command line; the agents leave after the last one. */
  targets: string[];
  /** `embedded`: the main job is the coordinator. Otherwise the address of a standalone one. */
  coordinator: 'embedded' | (string & {});
  /** The branch that has its own pipelines, in addition to those of merge requests. */
  mainBranch: string;
  /** Image of the jobs; null leaves it to the including file or to the runner. */
  image: string | null;
  /** Stage of all jobs. GitLab's own are `build`, `test` and `deploy`; others must be declared in .gitlab-ci.yml. */
  stage: string;
  /** Folders or globs that the main job keeps; empty for none. */
  artifacts: string[];
  /** Runner tags; if empty, the including file decides. */
  tags: string[];
  packageManager: PackageManager;
  /** From package.json's `packageManager` field; null if there is none. */
  packageManagerVersion: string | null;
  /** Path of the lock file from the root of the workspace. */
  lockfile: string;
  /** Folder of the workspace from the root of the repository, such as `apps/web`; empty at the root. */
  folder: string;
  /** Whether the main job runs `nx format:check` first. */
  formatCheck: boolean;
  /** Where results are kept for later pipelines. In the file, only `gitlab-artifacts` makes a difference. */
  cache: CacheStore;
  /** Dynamic number of agents: a plan job writes a child pipeline with as many agents as the affected work needs. */
  dynamic: boolean;
}

/** Path of the file in the user's workspace; the child pipeline of a plan includes it from there. */
export const GITLAB_FILE = '.gitlab/dte.yml';

/** The file a plan job writes and the trigger job includes. */
export const PLAN_FILE = 'dte-pipeline.yml';

/**
 * How a job of the component uses its caches. A job that extends another cannot change a part of its list of caches,
 * and which list it is depends on an input.
 */
export const CACHE_POLICY_VARIABLE = 'DTE_CACHE_POLICY';

/** Set by the child pipeline of a plan; with it, `nx` and `nx-agent` of the included file run, and `nx-plan` does not. */
export const PLANNED_VARIABLE = 'DTE_PLANNED';
