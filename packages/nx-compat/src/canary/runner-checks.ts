import Module from 'node:module';
import { isAtLeast } from '../install/nx-install';
import { setEnvironment } from '../patches/replace';
import { ALL_MAJORS, expectEqual, type CanaryCheck } from './types';

type NxJson = Record<string, unknown>;

interface RunCommandModule {
  getRunner: (nxArgs: object, nxJson: NxJson) => { tasksRunner: { name: string } };
}

interface CloudUtilsModule {
  isNxCloudUsed: (nxJson: NxJson) => boolean;
}

const OUR_NX_JSON: NxJson = {
  tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
};
/** Settings that would turn the seam off or switch to another runner. */
const NEUTRAL = {
  NX_NO_CLOUD: undefined,
  NX_CLOUD_ACCESS_TOKEN: undefined,
  NX_CLOUD_AUTH_TOKEN: undefined,
  CODEX_ENV_NODE_VERSION: undefined,
};

interface Loader {
  _load: (request: string, ...rest: unknown[]) => unknown;
}

/** While `work` runs, answers `require` of our two names: with a runner, or as if the package did not exist. */
function withModules<T>(found: Record<string, string>, work: () => T): T {
  const loader = Module as unknown as Loader;
  const original = loader._load;
  loader._load = function (request, ...rest) {
    if (request !== 'nx-cloud' && request !== '@org/dte') return original.call(this, request, ...rest);
    const name = found[request];
    if (name === undefined)
      throw Object.assign(new Error(`Cannot find module '${request}'`), { code: 'MODULE_NOT_FOUND' });
    return { default: Object.defineProperty(() => undefined, 'name', { value: name }) };
  };
  try {
    return work();
  } finally {
    loader._load = original;
  }
}

interface RunnerCase {
  nxJson?: NxJson;
  env?: Record<string, string>;
  found?: Record<string, string>;
  /** The earlier behaviour, up to a minor. */
  earlier?: { readonly until: readonly [number, number]; readonly wanted: string };
}

const BOTH = { 'nx-cloud': 'alias', '@org/dte': 'written' };

/** The name of the runner that Nx would call. Its warnings (Codex, a custom runner on 20) are not printed. */
function runnerName(
  nxRequire: NodeJS.Require,
  { nxJson = OUR_NX_JSON, env = {}, found = BOTH }: RunnerCase,
): string {
  const { getRunner } = nxRequire('nx/src/tasks-runner/run-command') as RunCommandModule;
  const { output } = nxRequire('nx/src/utils/output') as { output: { warn: unknown } };
  const restore = setEnvironment({ ...NEUTRAL, ...env });
  const own = Object.getOwnPropertyDescriptor(output, 'warn');
  output.warn = () => undefined;
  try {
    return withModules(found, () => getRunner({}, nxJson).tasksRunner.name);
  } finally {
    if (own) Object.defineProperty(output, 'warn', own);
    else Reflect.deleteProperty(output, 'warn');
    restore();
  }
}

const runnerCheck = (
  name: string,
  majors: readonly number[],
  wanted: string,
  input: RunnerCase,
): CanaryCheck => ({
  name,
  majors,
  run: (_root, nxRequire) => {
    const { version } = nxRequire('nx/package.json') as { version: string };
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const { earlier } = input;
    const isEarlier = earlier !== undefined && !isAtLeast({ major, minor }, earlier.until);
    return Promise.resolve(expectEqual(runnerName(nxRequire, input), isEarlier ? earlier.wanted : wanted));
  },
});

const DEFAULT_RUNNER = 'defaultTasksRunner';
const WITHOUT_TOKEN: NxJson = { tasksRunnerOptions: { default: { runner: '@org/dte', options: {} } } };

const cloudUsed = (nxRequire: NodeJS.Require, nxJson: NxJson, env: Record<string, string> = {}): boolean => {
  const { isNxCloudUsed } = nxRequire('nx/src/utils/nx-cloud-utils') as CloudUtilsModule;
  const restore = setEnvironment({ ...NEUTRAL, ...env });
  try {
    return isNxCloudUsed(nxJson);
  } finally {
    restore();
  }
};

/** Section 1 of the facts: how Nx decides to call a runner that is not its own. */
export const runnerChecks: readonly CanaryCheck[] = [
  runnerCheck('20 requires the runner as written', [20], 'written', { found: { '@org/dte': 'written' } }),
  runnerCheck('a runner of another name is ignored', [21, 22, 23, 24], DEFAULT_RUNNER, {
    nxJson: WITHOUT_TOKEN,
  }),
  runnerCheck('accessToken makes Nx require nx-cloud', [21, 22, 23, 24], 'alias', {}),
  runnerCheck(
    'without nx-cloud, Nx falls back to downloading the client',
    [21, 22, 23, 24],
    'nxCloudTasksRunnerShell',
    {
      found: {},
    },
  ),
  runnerCheck('NX_NO_CLOUD switches the seam off', [22, 23, 24], DEFAULT_RUNNER, {
    env: { NX_NO_CLOUD: 'true' },
    earlier: { until: [22, 7], wanted: 'alias' },
  }),
  runnerCheck('NX_NO_CLOUD does not switch the seam off', [21], 'alias', { env: { NX_NO_CLOUD: 'true' } }),
  runnerCheck('neverConnectToCloud switches the seam off', [22, 23, 24], DEFAULT_RUNNER, {
    nxJson: { ...OUR_NX_JSON, neverConnectToCloud: true },
    earlier: { until: [22, 7], wanted: 'alias' },
  }),
  runnerCheck('Codex switches the seam off', [21, 22, 23, 24], DEFAULT_RUNNER, {
    env: { CODEX_ENV_NODE_VERSION: '20' },
    earlier: { until: [21, 1], wanted: 'alias' },
  }),
  {
    name: 'our nx.json does not count as using Nx Cloud, the ways warned of do',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) =>
      Promise.resolve(
        expectEqual(
          {
            ours: cloudUsed(nxRequire, OUR_NX_JSON),
            runner: cloudUsed(nxRequire, { tasksRunnerOptions: { default: { runner: 'nx-cloud' } } }),
            id: cloudUsed(nxRequire, { nxCloudId: 'x' }),
            token: cloudUsed(nxRequire, { nxCloudAccessToken: 'x' }),
            env: cloudUsed(nxRequire, OUR_NX_JSON, { NX_CLOUD_ACCESS_TOKEN: 'x' }),
          },
          { ours: false, runner: true, id: true, token: true, env: true },
        ),
      ),
  },
];
