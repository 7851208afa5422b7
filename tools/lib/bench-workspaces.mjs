// The two workspaces that the benchmarks run: many trivial tasks, and tasks of known length.
import { seededRandom } from './seeded-random.mjs';

const nxJson = (targetDefaults) => ({
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
mkdir -p "$1/naps"
echo "{\\"begin\\":$begin,\\"end\\":$end}" > "$1/naps/$2.json"
`;

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
    '.gitignore': 'node_modules\ndist\nnaps\n.nx\n',
  };
  for (let index = 1; index <= projects; index++) {
    const name = `p${String(index).padStart(3, '0')}`;
    const targets = Object.fromEntries(
      NAP_TARGETS.map((target) => [
        target,
        { command: `sh tools/nap.sh libs/${name} ${target} ${length().toFixed(3)}` },
      ]),
    );
    files[`libs/${name}/project.json`] = { name, targets };
  }
  return files;
}
