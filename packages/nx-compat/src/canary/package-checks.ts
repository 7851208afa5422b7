import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { ALL_MAJORS, expectEqual, type CanaryCheck, type CanaryResult } from './types';

const textOf = (nxRequire: NodeJS.Require, path: string): string =>
  readFileSync(nxRequire.resolve(`nx/${path}`), 'utf8');

const mentions = (path: string, ...parts: string[]): CanaryCheck['run'] => {
  return (_root, nxRequire) => {
    const text = textOf(nxRequire, path);
    return Promise.resolve(
      expectEqual(
        parts.filter((part) => !text.includes(part)),
        [],
      ),
    );
  };
};

const HOOKS = [
  'startCommand',
  'scheduleTask',
  'startTasks',
  'printTaskTerminalOutput',
  'endTasks',
  'endCommand',
];

const exportedFunctions = (nxRequire: NodeJS.Require, path: string, names: string[]): CanaryResult => {
  const module = nxRequire(`nx/${path}`) as Record<string, unknown>;
  return expectEqual(
    names.filter((name) => typeof module[name] !== 'function'),
    [],
  );
};

/** Facts that can be read from the package: names, files, strings in the source. */
const perUser = mentions('src/utils/cache-directory', 'NX_HOME_TMP_DIR');

export const packageChecks: readonly CanaryCheck[] = [
  {
    name: 'migrating across 21 deletes a custom runner',
    majors: [21, 22, 23, 24],
    run: (_root, nxRequire) => {
      const migrations = JSON.parse(textOf(nxRequire, 'migrations.json')) as {
        generators: Record<string, unknown>;
      };
      return Promise.resolve(expectEqual('remove-custom-tasks-runner' in migrations.generators, true));
    },
  },
  {
    name: 'atomized targets pass only with NX_SKIP_ATOMIZER_VALIDATION',
    majors: ALL_MAJORS,
    run: mentions('src/tasks-runner/run-command', 'NX_SKIP_ATOMIZER_VALIDATION'),
  },
  {
    name: 'the command line knows --no-agents and --no-dte',
    majors: ALL_MAJORS,
    run: mentions('src/command-line/yargs-utils/shared-options', "'dte'", "'agents'"),
  },
  {
    name: 'the six hooks of a life cycle are called',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) => {
      const { CompositeLifeCycle } = nxRequire('nx/src/tasks-runner/life-cycle') as {
        CompositeLifeCycle: { prototype: Record<string, unknown> };
      };
      return Promise.resolve(
        expectEqual(
          HOOKS.filter((hook) => typeof CompositeLifeCycle.prototype[hook] !== 'function'),
          [],
        ),
      );
    },
  },
  {
    name: 'agents have runDiscreteTasks and runContinuousTasks',
    majors: [21, 22, 23, 24],
    run: (_root, nxRequire) =>
      Promise.resolve(
        exportedFunctions(nxRequire, 'src/tasks-runner/init-tasks-runner', [
          'runDiscreteTasks',
          'runContinuousTasks',
        ]),
      ),
  },
  {
    name: '20 has initTasksRunner, getRunner and TaskOrchestrator only',
    majors: [20],
    run: (_root, nxRequire) => {
      const init = nxRequire('nx/src/tasks-runner/init-tasks-runner') as Record<string, unknown>;
      if (init['runDiscreteTasks']) return Promise.resolve({ ok: false, detail: 'runDiscreteTasks exists' });
      return Promise.resolve(
        exportedFunctions(nxRequire, 'src/tasks-runner/task-orchestrator', ['TaskOrchestrator']),
      );
    },
  },
  {
    name: 'what an executor replaces to share across tasks is still exported and called through the module',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) => {
      const missing = [
        exportedFunctions(nxRequire, 'src/hasher/create-task-hasher', ['createTaskHasher']),
        exportedFunctions(nxRequire, 'src/tasks-runner/cache', ['getCache']),
        exportedFunctions(nxRequire, 'src/utils/dotenv', ['loadRootEnvFiles']),
        exportedFunctions(nxRequire, 'src/tasks-runner/run-command', ['getRunner']),
      ].filter(({ ok }) => !ok);
      return Promise.resolve(expectEqual(missing, []));
    },
  },
  {
    name: 'generators ask through combineOptionsForGenerator, with the schema as its sixth argument',
    majors: ALL_MAJORS,
    run: mentions(
      'src/utils/params',
      'combineOptionsForGenerator(commandLineOpts, collectionName, generatorName, projectsConfigurations, nxJsonConfiguration, schema, isInteractive,',
      "v['x-prompt'].multiselect",
    ),
  },
  {
    name: 'Nx has semver, with which dte reads ranges of versions',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) => {
      const semver = createRequire(nxRequire.resolve('nx/package.json'))('semver') as Record<string, unknown>;
      const missing = ['satisfies', 'validRange', 'minVersion'].filter(
        (name) => typeof semver[name] !== 'function',
      );
      return Promise.resolve(expectEqual(missing, []));
    },
  },
  {
    name: '23.1 and later keep the local cache per user',
    majors: [23, 24],
    run: (root, nxRequire) => {
      const { version } = nxRequire('nx/package.json') as { version: string };
      const isEarlier = version.startsWith('23.0.');
      return isEarlier ? Promise.resolve({ ok: true, detail: 'not yet' }) : perUser(root, nxRequire);
    },
  },
];
