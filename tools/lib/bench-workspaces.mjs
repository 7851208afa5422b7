// The workspaces that the benchmarks run: many trivial tasks, and tasks of known length.
import { seededRandom } from './seeded-random.mjs';

export const nxJson = (targetDefaults) => ({
  defaultBase: 'main',
  analytics: false,
  targetDefaults,
  tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
});

const OUTPUT_BYTES = 20_000;

const WRITE = `
const { mkdirSync, writeFileSync } = require('node:fs');
const { randomBytes } = require('node:crypto');
mkdirSync('dist/' + process.argv[2], { recursive: true });
writeFileSync('dist/' + process.argv[2] + '/out.bin', randomBytes(${OUTPUT_BYTES}));
`;
const COMMANDS = {
  node: (name) => `node tools/write.cjs ${name}`,
  sh: (name) => `mkdir -p dist/${name} && head -c ${OUTPUT_BYTES} /dev/urandom > dist/${name}/out.bin`,
};

/** Independent projects whose build writes 20 kB of incompressible data. */
export function trivialWorkspace(projects, command) {
  if (!(command in COMMANDS)) throw new Error(`--command must be ${Object.keys(COMMANDS).join(' or ')}.`);
  const files = {
    'nx.json': nxJson({ build: { cache: true, outputs: ['{workspaceRoot}/dist/{projectName}'] } }),
    'tools/write.cjs': WRITE,
  };
  for (let index = 1; index <= projects; index++) {
    const name = `p${String(index).padStart(3, '0')}`;
    files[`libs/${name}/project.json`] = { name, targets: { build: { command: COMMANDS[command](name) } } };
  }
  return files;
}

const SHORTEST_S = 0.2;
const LONGEST_S = 8;
// Log-normal, with its centre in the (geometric) middle of the range and the bounds two standard deviations away.
const CENTRE = Math.log(SHORTEST_S * LONGEST_S) / 2;
const DEVIATION = Math.log(LONGEST_S / SHORTEST_S) / 4;

const NAP = `#!/bin/sh
# nap.sh <folder> <target> <seconds>: sleeps, and writes down when it really began and ended.
begin=$(date +%s%3N)
sleep "$3"
end=$(date +%s%3N)
mkdir -p "$1"
echo "{\\"begin\\":$begin,\\"end\\":$end}" > "$1/$2.json"
`;

/** The same as a node process: what it takes to start is part of no nap, and every way to run it has to wait for that. */
const NODE_NAP = `
const { mkdirSync, writeFileSync } = require('node:fs');
const [folder, target, seconds] = process.argv.slice(2);
const begin = Date.now();
setTimeout(() => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(folder + '/' + target + '.json', JSON.stringify({ begin, end: Date.now() }));
}, seconds * 1000);
`;

const IGNORED = 'node_modules\ndist\nnaps\n.nx\n';

export const NAP_TARGETS = ['build', 'test', 'lint'];

/** Projects with build -> test and lint, all of them naps of log-normal length; the same seed gives the same naps. */
export function nappingWorkspace(projects, seed) {
  const normal = seededRandom(seed).normal;
  const length = () => Math.min(LONGEST_S, Math.max(SHORTEST_S, Math.exp(CENTRE + DEVIATION * normal())));
  const outputs = (target) => [`{projectRoot}/naps/${target}.json`];
  const files = {
    'tools/nap.sh': NAP,
    'nx.json': nxJson({
      build: { cache: true, outputs: outputs('build') },
      test: { cache: true, dependsOn: ['build'], outputs: outputs('test') },
      lint: { cache: true, dependsOn: ['build'], outputs: outputs('lint') },
    }),
    '.gitignore': IGNORED,
  };
  for (let index = 1; index <= projects; index++) {
    const name = `p${String(index).padStart(3, '0')}`;
    const targets = Object.fromEntries(
      NAP_TARGETS.map((target) => [
        target,
        { command: `sh tools/nap.sh libs/${name}/naps ${target} ${length().toFixed(3)}` },
      ]),
    );
    files[`libs/${name}/project.json`] = { name, targets };
  }
  return files;
}

/** One target each, after those of the dependencies (`^build`); a project's nap is in `naps/<project>/build.json`. */
export function layeredWorkspace(tasks, command) {
  return {
    'tools/nap.sh': NAP,
    'tools/nap.cjs': NODE_NAP,
    'nx.json': nxJson({
      build: { cache: true, dependsOn: ['^build'], outputs: ['{workspaceRoot}/naps/{projectName}'] },
    }),
    '.gitignore': IGNORED,
    ...Object.fromEntries(
      tasks.map(({ name, dependencies, ms }) => [
        `libs/${name}/project.json`,
        {
          name,
          implicitDependencies: dependencies,
          targets: { build: { command: nap(name, 'build', ms, command) } },
        },
      ]),
    ),
  };
}

const NAPS = { sh: 'sh tools/nap.sh', node: 'node tools/nap.cjs' };

/** Sleeps for `ms`, and writes down when in `naps/<project>/<target>.json`. */
export function nap(project, target, ms, command = 'sh') {
  if (!(command in NAPS)) throw new Error(`--command must be ${Object.keys(NAPS).join(' or ')}.`);
  return `${NAPS[command]} naps/${project} ${target} ${(ms / 1000).toFixed(3)}`;
}

/** Naps of several targets without dependencies. */
export const napWorkspace = (targets, projects) => ({
  'tools/nap.sh': NAP,
  'nx.json': nxJson(
    Object.fromEntries(
      targets.map((target) => [
        target,
        { cache: true, outputs: [`{workspaceRoot}/naps/{projectName}/${target}.json`] },
      ]),
    ),
  ),
  '.gitignore': IGNORED,
  ...projects,
});
