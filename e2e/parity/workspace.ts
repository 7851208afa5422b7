import { type FileContent, type Fleet, Fleet as Fleets, install } from '@org/dte-testing';
import { LIGHT_NX } from '../support/light-nx';

const majorOf = (nx: string): number => Number(nx.split('.')[0]);

/**
 * What the tasks run: prints its arguments and the variables it is asked for, reads files, writes everything down.
 *
 *   node tools/say.cjs <id> [vars=A,B] [reads=path,path] [writes=path] [anything else, which is printed]
 */
const SAY = `
const { existsSync, mkdirSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname } = require('node:path');
const [id, ...args] = process.argv.slice(2);
const own = Object.fromEntries(args.filter((arg) => /^(vars|reads|writes)=/.test(arg)).map((arg) => arg.split('=')));
const list = (value) => (value ? value.split(',') : []);
const lines = [
  id + ' ' + JSON.stringify(args.filter((arg) => !/^(vars|reads|writes)=/.test(arg))),
  'configuration ' + process.env.NX_TASK_TARGET_CONFIGURATION,
  ...list(own.vars).map((name) => name + '=' + process.env[name]),
  ...list(own.reads).flatMap((path) => [path + ':', ...readFileSync(path, 'utf8').trimEnd().split('\\n').map((line) => '  ' + line)]),
];
console.log(lines.join('\\n'));
if (own.writes) {
  mkdirSync(dirname(own.writes), { recursive: true });
  writeFileSync(own.writes, lines.join('\\n') + '\\n');
}
// Plain Nx can lose the output of a command that ends immediately.
setTimeout(() => undefined, 100);
`;

const HASHER = `
const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
module.exports.default = async (task, context) => {
  const standard = await context.hasher.hashTask(task, context.taskGraph, process.env);
  const root = (context.projectGraph ?? context.hasher.projectGraph).nodes[task.target.project].data.root;
  const value = createHash('sha256').update(readFileSync(root + '/source.txt')).digest('hex').slice(0, 20);
  return { value: value + '-' + task.target.target + '-' + JSON.stringify(task.overrides).length, details: standard.details };
};
`;

const EXECUTOR = `
module.exports.default = async ({ text }, context) => {
  console.log(context.projectName + ' ' + text + ' ' + context.configurationName);
  return { success: true };
};
`;

const PLUGIN: Record<string, FileContent> = {
  'tools/plugin/package.json': { name: 'plugin', version: '0.0.0', executors: './executors.json' },
  'tools/plugin/executors.json': {
    executors: {
      hashed: { implementation: './executor.cjs', hasher: './hasher.cjs', schema: './schema.json' },
    },
  },
  'tools/plugin/schema.json': { type: 'object', properties: { text: { type: 'string' } } },
  'tools/plugin/hasher.cjs': HASHER,
  'tools/plugin/executor.cjs': EXECUTOR,
};

const say = (words: string): string => `node tools/say.cjs ${words}`;

/** One line per file from which Nx reads variables; the most specific file must win. */
const DOTENV: Record<string, FileContent> = {
  '.env': 'ROOT=.env\nANY=.env\nEXPANDED=${ROOT}-expanded\n',
  '.env.local': 'ANY=.env.local\n',
  '.env.variables': 'TARGET=.env.variables\nANY=.env.variables\n',
  '.variables.production.env': 'CONFIGURED=.variables.production.env\n',
  'libs/lib-a/.env': 'PROJECT=libs/lib-a/.env\nANY=libs/lib-a/.env\n',
  'libs/lib-a/.local.env': 'PROJECT_LOCAL=libs/lib-a/.local.env\n',
  'libs/lib-a/.env.variables': 'ANY=libs/lib-a/.env.variables\n',
  'libs/lib-a/.env.variables.production': 'CONFIGURED=libs/lib-a/.env.variables.production\n',
};

interface Member {
  readonly root: string;
  readonly uses?: readonly string[];
  readonly tags: readonly string[];
}

const MEMBERS: Record<string, Member> = {
  'lib-a': { root: 'libs/lib-a', tags: ['type:lib', 'scope:shared'] },
  'lib-b': { root: 'libs/lib-b', uses: ['lib-a'], tags: ['type:lib'] },
  app: { root: 'apps/app', uses: ['lib-b'], tags: ['type:app'] },
  other: { root: 'libs/other', tags: ['type:tool'] },
};

const built = (name: string): string => `dist/${name}/compiled.txt`;

/** For one project: dependencies in every form of `dependsOn`, and a hash with every kind of input. */
function targetsOf(name: string, { uses = [] }: Member, nx: string): Record<string, object> {
  const reads = ['dist/generated.txt', ...uses.map(built)].join(',');
  const compile = `compile-${name} reads=${reads} writes=${built(name)}`;
  const production = { production: { command: say(`${compile} --optimise`) } };
  return {
    compile: {
      executor: 'nx:run-commands',
      options: { command: say(compile) },
      outputs: [`{workspaceRoot}/${built(name)}`],
      dependsOn: ['^compile', { projects: 'generator', target: 'generate' }],
      // Not every project has every configuration.
      ...(name === 'other' ? {} : { configurations: { ...production, development: {} } }),
      ...(name === 'app' ? { defaultConfiguration: 'development' } : {}),
    },
    bundle: {
      command: say(`bundle-${name} reads=${built(name)} writes=dist/${name}/bundled/all.txt`),
      outputs: [`{workspaceRoot}/dist/${name}/bundled`],
      dependsOn: [
        { target: 'compile', params: 'forward' },
        { dependencies: true, target: 'compile', params: 'forward' },
      ],
    },
    'check-a': { command: say(`check-a-${name}`) },
    'check-b': { command: say(`check-b-${name}`), dependsOn: ['check-a'] },
    verify: { command: say(`verify-${name}`), dependsOn: ['check-*', '^check-*'] },
    // The hash is known when the outputs of the dependencies exist.
    digest: {
      command: say(`digest-${name} reads=${built(name)}`),
      dependsOn: ['compile'],
      inputs: ['{projectRoot}/source.txt', { dependentTasksOutputFiles: '**/*.txt', transitive: true }],
    },
    variables: {
      command: say(
        `variables-${name} vars=ROOT,ANY,EXPANDED,PROJECT,PROJECT_LOCAL,TARGET,CONFIGURED,FLAVOUR`,
      ),
      configurations: { production: {} },
      inputs: [{ env: 'FLAVOUR' }, { env: 'ANY' }, { env: 'TARGET' }, { env: 'CONFIGURED' }],
    },
    inputs: {
      command: say(`inputs-${name}`),
      inputs: [
        'default',
        '^default',
        '{workspaceRoot}/tools/say.cjs',
        '!{projectRoot}/**/*.md',
        { input: 'sources', projects: ['lib-a'] },
        { input: 'sources', dependencies: true },
        { runtime: 'node tools/version.cjs' },
        { externalDependencies: ['nx'] },
        ...(majorOf(nx) >= 22 ? [{ json: '{workspaceRoot}/settings.json', fields: ['used'] }] : []),
      ],
    },
    hashed: { executor: './tools/plugin:hashed', options: { text: 'custom hasher' } },
    // Options are forwarded from one to the other, in versions that support it.
    optioned: {
      executor: './tools/plugin:hashed',
      options: { text: 'options of another' },
      dependsOn: [{ target: 'hashed', options: 'forward' }],
    },
    published: {
      command: say(`published-${name}`),
      dependsOn: [{ projects: ['tag:type:lib', '!lib-b'], target: 'compile' }],
    },
    // From the agent itself, whatever the main job has.
    forwarded: { command: say(`forwarded-${name} vars=FORWARDED`), inputs: [{ env: 'FORWARDED' }] },
    own: { command: say(`own-${name} vars=OWN`) },
  };
}

const CACHED = ['compile', 'bundle', 'check-a', 'check-b', 'verify', 'digest', 'variables', 'inputs'].concat([
  'hashed',
  'optioned',
  'published',
  'forwarded',
  'own',
  'nested',
  'inner',
  'generate',
]);

function filesOf(nx: string): Record<string, FileContent> {
  const files: Record<string, FileContent> = {
    'nx.json': {
      defaultBase: 'main',
      analytics: false,
      namedInputs: { sources: ['{projectRoot}/source.txt'] },
      targetDefaults: Object.fromEntries(CACHED.map((target) => [target, { cache: true }])),
    },
    'tools/say.cjs': SAY,
    'tools/version.cjs': "console.log('version 7');\n",
    'settings.json': { used: 1, unused: 2 },
    ...PLUGIN,
    ...DOTENV,
  };
  for (const [name, member] of Object.entries(MEMBERS)) {
    const { root, uses = [], tags } = member;
    files[`${root}/project.json`] = {
      name,
      tags,
      implicitDependencies: uses,
      targets: targetsOf(name, member, nx),
    };
    files[`${root}/source.txt`] = `${name}\n`;
  }
  files['tools/generator/project.json'] = {
    name: 'generator',
    targets: {
      generate: {
        command: say('generate writes=dist/generated.txt'),
        outputs: ['{workspaceRoot}/dist/generated.txt'],
      },
      inner: { command: say('inner writes=dist/inner.txt'), outputs: ['{workspaceRoot}/dist/inner.txt'] },
      // Like `nx release` and many scripts: a task that calls nx.
      nested: {
        command: 'node_modules/.bin/nx run generator:inner --output-style=static',
        outputs: ['{workspaceRoot}/dist/inner.txt'],
      },
    },
  };
  return files;
}

/** Every target of the workspace with the same result wherever it runs; `inner` is called only by `nested`. */
export const ALIKE = CACHED.filter((target) => target !== 'own' && target !== 'inner').join(',');

/** A workspace that needs only nx and has every form of dependency and input. */
export const parityFleet = (nx: string): Fleet =>
  Fleets.create({
    install: install({ nx }),
    env: LIGHT_NX,
    files: filesOf(nx),
    change: { 'libs/lib-b/source.txt': 'lib-b, changed\n' },
  });
