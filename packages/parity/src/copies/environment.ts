import { lstatSync, mkdirSync } from 'node:fs';
import { cp, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Not passed on: settings of Nx and dte, of the CI job, package manager or git command around this one. `FORCE_COLOR` and its
 * like stay: both sides have the same.
 */
const OF_THIS_PROCESS = /^(NX_|DTE_|CI$|CI_|GITLAB_|GITHUB_|npm_|INIT_CWD$|GIT_|PARITY_|JEST_WORKER_ID$)/;

/** Where tools keep what an image of a CI job contains: browsers, package managers, JDKs. They are used, not copied. */
const TOOLS = [
  '.cache/ms-playwright',
  '.cache/Cypress',
  '.cache/puppeteer',
  '.cache/node',
  '.cache/deno',
  '.local/share/pnpm',
  '.local/share/mise',
  'Library/Caches/ms-playwright',
  'Library/Caches/Cypress',
  '.nvm',
  '.volta',
  '.asdf',
  '.sdkman',
  '.bun',
  '.cargo',
  '.rustup',
  '.gradle',
  '.m2',
  '.docker',
];
/** Settings that tasks may rewrite: each side has its own copy. */
const SETTINGS = ['.npmrc', '.yarnrc', '.yarnrc.yml'];

export const GIT_CONFIG =
  '[user]\n\tname = parity\n\temail = parity@localhost\n[init]\n\tdefaultBranch = main\n[safe]\n\tdirectory = *\n';

/**
 * A HOME as on a fresh runner: a task that needs what another one has left there fails, as it would on another machine.
 */
export async function createHome(folder: string, from = homedir()): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await writeFile(join(folder, '.gitconfig'), GIT_CONFIG);
  for (const name of [...TOOLS, ...SETTINGS]) {
    const [source, target] = [join(from, name), join(folder, name)];
    if (lstatSync(source, { throwIfNoEntry: false }) === undefined) continue;
    mkdirSync(dirname(target), { recursive: true });
    if (TOOLS.includes(name)) await symlink(source, target);
    else await cp(source, target, { dereference: true });
  }
}

export interface EnvironmentOptions {
  /** CI_JOB_NAME: the same for the plain side and the main job, because both are the job that runs the command. */
  readonly job: string;
  /** Of this copy: its HOME, caches and temporary files are below it. */
  readonly folder: string;
  readonly base: string;
  readonly head: string;
}

/** The environment of a job: that of this process, with its own HOME, caches and temporary folder. */
export function environmentOf(env: Env, { job, folder, base, head }: EnvironmentOptions): Env {
  const passed = Object.entries(env).filter(([variable]) => !OF_THIS_PROCESS.test(variable));
  return {
    ...Object.fromEntries(passed),
    HOME: join(folder, 'home'),
    TMPDIR: join(folder, 't'),
    CI: 'true',
    CI_JOB_NAME: job,
    NX_DAEMON: 'false',
    NX_TUI: 'false',
    NX_CACHE_DIRECTORY: join(folder, 'nx-cache'),
    NX_WORKSPACE_DATA_DIRECTORY: join(folder, 'nx-data'),
    // For each workspace, Nx copies 20 MB to a machine-wide folder and never removes them.
    NX_NATIVE_FILE_CACHE_DIRECTORY: join(folder, 'nx-native'),
    NX_BASE: base,
    NX_HEAD: head,
    // Otherwise, Nx rejects split targets (e2e-ci) without the vendor's service.
    NX_SKIP_ATOMIZER_VALIDATION: 'true',
  };
}
