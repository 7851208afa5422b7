/** Yarn 1 and yarn berry share a name and a lock file, but neither flags nor folders: here they are two. */
export type PackageManager = 'npm' | 'yarn' | 'yarn-berry' | 'pnpm' | 'bun';

/** Everything that shapes the generated GitLab file. The generator resolves it; rendering it is pure. */
export interface GitlabFileOptions {
  /** Agent jobs, 1 to 200 (GitLab's own limit for `parallel`). With `dynamic`: the most that a plan may ask for. */
  agents: number;
  /** Tasks at a time on each agent: `nx affected --parallel`. */
  parallel: number;
  /** At least one target, in the order of the command line; the agents stop after the last one. */
  targets: string[];
  /** `embedded`: the main job is the coordinator. Otherwise the address of a standalone one. */
  coordinator: 'embedded' | (string & {});
  /** The branch that has pipelines of its own, besides those of merge requests. */
  mainBranch: string;
  /** Image of the jobs; null leaves it to the including file or to the runner. */
  image: string | null;
  /** Stage of all jobs. GitLab's own are `build`, `test` and `deploy`; others must be declared in .gitlab-ci.yml. */
  stage: string;
  /** Folders or globs the main job keeps; empty for none. */
  artifacts: string[];
  /** Runner tags; empty leaves it to the including file. */
  tags: string[];
  packageManager: PackageManager;
  /** From package.json's `packageManager` field; null when there is none. */
  packageManagerVersion: string | null;
  /** Path of the lock file from the root of the repository. */
  lockfile: string;
  /** Agents by need: a plan job writes a child pipeline with as many agents as the affected work is worth. */
  dynamic: boolean;
}

/** Where the file lives in the user's repository; the child pipeline of a plan includes it from there. */
export const GITLAB_FILE = '.gitlab/dte.yml';

/** The file a plan job writes and the trigger job includes. */
export const PLAN_FILE = 'dte-pipeline.yml';

/**
 * How a job of the component uses its caches. A list of caches cannot be changed in part by who extends it, and which list
 * it is depends on an input.
 */
export const CACHE_POLICY_VARIABLE = 'DTE_CACHE_POLICY';

/** Set by the child pipeline of a plan; with it, `nx` and `nx-agent` of the included file run, and `nx-plan` does not. */
export const PLANNED_VARIABLE = 'DTE_PLANNED';
