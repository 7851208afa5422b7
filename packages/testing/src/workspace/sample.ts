import type { FileContent } from './origin';

/** A project of a sample workspace. Targets are Nx's own target configurations. */
export interface SampleProject {
  root: string;
  /** Names of the projects it depends on. */
  dependsOn?: string[];
  targets: Record<string, object | boolean>;
  tags?: string[];
}

/**
 * What every sample task runs. It prints where it runs, fails if files are missing that it needs (those of other
 * projects must have come from another machine), writes its own, and misbehaves on demand.
 *
 *   node tools/task.cjs <project:target> [needs=a,b] [writes=c,d] [lines=N] [sleep=ms] [until=gate] [kb=N] [fill=kb] [exit=code]
 *
 * `kb` adds other bytes each time, `fill` the same ones of the task each time; neither can be compressed.
 */
const TASK_SCRIPT = `
const { existsSync, mkdirSync, readFileSync, writeFileSync, appendFileSync } = require('node:fs');
const { createHash, randomBytes } = require('node:crypto');
const { dirname, join } = require('node:path');
const [id, ...rest] = process.argv.slice(2);
const pairs = rest.filter((arg) => /^[a-z]+=/.test(arg)).map((arg) => [arg.slice(0, arg.indexOf('=')), arg.slice(arg.indexOf('=') + 1)]);
const options = Object.fromEntries(pairs);
const forwarded = rest.filter((arg) => !/^[a-z]+=/.test(arg));
const list = (value) => (value ? value.split(',') : []);
const journal = process.env.SAMPLE_JOURNAL;
const note = (what) => journal && appendFileSync(journal, JSON.stringify({ id, what, machine: process.env.MACHINE, pid: process.pid, at: Date.now() }) + '\\n');
note('start');
console.log(id + ' on ' + process.env.MACHINE + (process.env.NX_TASK_TARGET_CONFIGURATION ? ' as ' + process.env.NX_TASK_TARGET_CONFIGURATION : '') + (forwarded.length ? ' with ' + forwarded.join(' ') : ''));
for (let i = 1; i <= Number(options.lines || 0); i++) console.log(id + ' line ' + i);
const parts = list(options.needs).map((file) => {
  if (!existsSync(file)) { console.error(id + ' misses ' + file); process.exit(9); }
  return readFileSync(file, 'utf8');
});
const finish = () => {
  for (const file of list(options.writes)) {
    mkdirSync(dirname(file), { recursive: true });
    const filler = options.kb ? randomBytes(512 * Number(options.kb)).toString('hex') + '\\n' : '';
    const same = Array.from({ length: 24 * Number(options.fill || 0) }, (_, i) => createHash('sha256').update(id + i).digest('base64')).join('');
    writeFileSync(file, id + '\\n' + parts.join('') + filler + same);
  }
  note('end');
  process.exitCode = Number(options.exit || 0);
};
if (options.until) {
  console.log(id + ' waits');
  const gate = join(process.env.SAMPLE_GATES, options.until);
  const timer = setInterval(() => { if (existsSync(gate)) { clearInterval(timer); finish(); } }, 20);
} else {
  setTimeout(finish, Number(options.sleep || 0));
}
`;

/** The command of one sample task. */
export const sampleCommand = (id: string, options: Record<string, string | number> = {}): string =>
  ['node tools/task.cjs', id, ...Object.entries(options).map(([name, value]) => `${name}=${value}`)].join(
    ' ',
  );

/** The nx.json of a workspace that uses @org/dte; without `plugin`, that of any other workspace. */
export function sampleNxJson({
  plugin = true,
  targetDefaults = {},
}: { plugin?: boolean; targetDefaults?: object } = {}): object {
  return {
    defaultBase: 'main',
    analytics: false,
    targetDefaults,
    ...(plugin
      ? { tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } } }
      : {}),
  };
}

/** The files of a workspace with the given projects. */
export function sampleFiles(
  projects: Record<string, SampleProject>,
  nxJson: object,
): Record<string, FileContent> {
  const files: Record<string, FileContent> = { 'nx.json': nxJson, 'tools/task.cjs': TASK_SCRIPT };
  for (const [name, { root, dependsOn = [], targets, tags = [] }] of Object.entries(projects)) {
    files[`${root}/project.json`] = { name, implicitDependencies: dependsOn, tags, targets };
    files[`${root}/source.txt`] = `${name}\n`;
  }
  return files;
}

export const SAMPLE_TARGET_DEFAULTS = {
  lint: { cache: true },
  build: { cache: true, dependsOn: ['^build'], outputs: ['{workspaceRoot}/dist/{projectRoot}'] },
  test: {
    cache: true,
    dependsOn: ['build'],
    // The hash is known only after the build has written its outputs.
    inputs: ['default', '^default', { dependentTasksOutputFiles: '**/*', transitive: true }],
    outputs: ['{projectRoot}/coverage'],
  },
};

/** A library or application with lint, test and build, which needs the built files of its dependencies. */
export function sampleProject(
  name: string,
  root: string,
  dependsOn: Record<string, string> = {},
): SampleProject {
  const built = (projectRoot: string): string => `dist/${projectRoot}/out.txt`;
  const needs = Object.values(dependsOn).map(built).join(',');
  return {
    root,
    dependsOn: Object.keys(dependsOn),
    targets: {
      lint: { command: sampleCommand(`${name}:lint`, { lines: 2 }) },
      build: { command: sampleCommand(`${name}:build`, { needs, writes: built(root) }) },
      test: {
        command: sampleCommand(`${name}:test`, {
          needs: [built(root), needs].filter(Boolean).join(','),
          writes: `${root}/coverage/report.txt`,
        }),
      },
    },
  };
}

/** alpha <- beta, gamma <- shop, and idle, which no commit changes: `nx affected -t lint,test,build` has 12 tasks. */
export const SAMPLE_PROJECTS: Record<string, SampleProject> = {
  alpha: sampleProject('alpha', 'libs/alpha'),
  beta: sampleProject('beta', 'libs/beta', { alpha: 'libs/alpha' }),
  gamma: sampleProject('gamma', 'libs/gamma', { alpha: 'libs/alpha' }),
  shop: sampleProject('shop', 'apps/shop', { beta: 'libs/beta', gamma: 'libs/gamma' }),
  idle: sampleProject('idle', 'libs/idle'),
};

/** What the second commit changes. */
export const SAMPLE_CHANGE: Record<string, FileContent> = { 'libs/alpha/source.txt': 'alpha, changed\n' };
