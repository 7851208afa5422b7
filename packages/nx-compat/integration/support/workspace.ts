import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { majorsFolder, nodeModulesOf, type NxVersion } from '../install-majors';
import { NEXT_INPUT } from './next-input';

/** A throwaway workspace with one version of nx, and its own home so that no cache is shared. */
export interface Workspace {
  root: string;
  version: NxVersion;
  /** Runs a file of `scenarios/` in a process inside the workspace. */
  run<T>(scenario: string, input?: object, env?: NodeJS.ProcessEnv): Promise<ScenarioResult<T>>;
  /** Like `run`, for several inputs, one after the other in the same process, because starting Nx takes the time. */
  runEach<T>(
    scenario: string,
    inputs: readonly object[],
    env?: NodeJS.ProcessEnv,
  ): Promise<ScenarioResult<T>[]>;
  /** Another clone of the same files: same hashes, other caches. */
  clone(): Workspace;
  write(files: Record<string, string>): void;
  remove(): void;
}

export interface ScenarioResult<T> {
  result: T;
  stdout: string;
  stderr: string;
}

const NX_JSON = {
  namedInputs: { default: ['{projectRoot}/**/*'] },
  targetDefaults: { build: { cache: true, outputs: ['{projectRoot}/dist'] } },
};

/** Variables of our own environment that would affect Nx. */
const cleanEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(NX_|DTE_|CI$|GITHUB_|GITLAB_|JEST_|FORCE_COLOR)/.test(name),
    ),
  );

export function makeWorkspace(version: NxVersion, files: Record<string, string>): Workspace {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'dte-nx-compat-')));
  const root = join(base, 'workspace');
  const write = (contents: Record<string, string>): void => {
    for (const [path, text] of Object.entries(contents)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  };
  const all = {
    'nx.json': JSON.stringify(NX_JSON),
    'package.json': JSON.stringify({ name: 'workspace', private: true, devDependencies: { nx: version } }),
    '.gitignore': 'node_modules\ndist\n',
    ...files,
  };
  write(all);
  symlinkSync(nodeModulesOf(version), join(root, 'node_modules'));
  return {
    root,
    version,
    write,
    clone: () => makeWorkspace(version, files),
    remove: () => {
      rmSync(base, { recursive: true, force: true });
    },
    run: async <T>(scenario: string, input: object = {}, env: NodeJS.ProcessEnv = {}) => {
      const [only] = await runScenario<T>({ base, root, version, scenario, inputs: [input], env });
      if (!only) throw new Error(`${scenario} has no result`);
      return only;
    },
    runEach: <T>(scenario: string, inputs: readonly object[], env: NodeJS.ProcessEnv = {}) =>
      runScenario<T>({ base, root, version, scenario, inputs, env }),
  };
}

interface ScenarioRun {
  /** Contains the workspace and the data of its Nx. */
  readonly base: string;
  readonly root: string;
  readonly version: NxVersion;
  readonly scenario: string;
  readonly inputs: readonly object[];
  readonly env: NodeJS.ProcessEnv;
}

const environmentOf = ({ base, root, version, env }: ScenarioRun): NodeJS.ProcessEnv => ({
  ...cleanEnvironment(),
  HOME: base,
  NX_DAEMON: 'false',
  NX_ISOLATE_PLUGINS: 'false',
  NX_CACHE_DIRECTORY: join(base, 'cache'),
  NX_WORKSPACE_DATA_DIRECTORY: join(base, 'data'),
  // Nx copies its native code there, 27 MB, unless it exists already.
  NX_NATIVE_FILE_CACHE_DIRECTORY: join(majorsFolder(), version, 'native'),
  NX_WORKSPACE_ROOT_PATH: root,
  ...env,
});

function runScenario<T>(run: ScenarioRun): Promise<ScenarioResult<T>[]> {
  return new Promise((resolve, reject) => {
    const child = fork(join(__dirname, 'driver.ts'), [], {
      cwd: run.root,
      execArgv: ['--expose-gc', '-r', join(__dirname, 'register.cjs')],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: environmentOf(run),
    });
    let stdout = '';
    let stderr = '';
    let reply: { results?: T[]; error?: string } = { error: 'the scenario ended without an answer' };
    child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('message', (message) => {
      reply = message as typeof reply;
    });
    child.on('error', reject);
    child.on('close', () => {
      if (reply.error !== undefined) {
        reject(new Error(`${reply.error}\n${stdout}\n${stderr}`));
        return;
      }
      const [printed, said] = [stdout.split(NEXT_INPUT), stderr.split(NEXT_INPUT)];
      resolve(
        (reply.results ?? []).map((result, index) => ({
          result,
          stdout: printed[index] ?? '',
          stderr: said[index] ?? '',
        })),
      );
    });
    const inputs = run.inputs.map((input) => ({ workspaceRoot: run.root, ...input }));
    child.send({ scenario: run.scenario, inputs });
  });
}

/** `project.json` of a project that runs shell commands; `targets` maps a target's name to a command or a configuration. */
export function project(
  name: string,
  targets: Record<string, string | object>,
  extra: object = {},
): Record<string, string> {
  const configured = new Map<string, object>();
  for (const [target, value] of Object.entries(targets)) {
    const command = { executor: 'nx:run-commands', options: { command: value } };
    configured.set(target, typeof value === 'string' ? command : value);
  }
  return {
    [`packages/${name}/project.json`]: JSON.stringify({
      name,
      root: `packages/${name}`,
      targets: Object.fromEntries(configured),
      ...extra,
    }),
    [`packages/${name}/src/index.ts`]: `export const name = '${name}';\n`,
  };
}
