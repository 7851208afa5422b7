// What an agent's start costs, and how soon the first task runs, in a workspace whose targets Nx's own plugins infer.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { watchCpu } from './cpu.mjs';
import { idle } from './idle.mjs';
import { loadWorkspaceFactory } from './testing.mjs';

const PLUGINS_WORKSPACE = join(import.meta.dirname, '..', '..', 'e2e', 'parity', 'plugins-workspace');

/** Nx's own plugins at the versions of the end-to-end test of plugins. */
export function startupInstall() {
  const read = (name) => readFileSync(join(PLUGINS_WORKSPACE, name), 'utf8');
  const manifest = JSON.parse(read('package.json'));
  return { nx: manifest.devDependencies.nx, manifest, lockfile: read('package-lock.json') };
}

const NX_JSON = {
  defaultBase: 'main',
  analytics: false,
  plugins: [
    { plugin: '@nx/js/typescript', options: { typecheck: { targetName: 'typecheck' } } },
    { plugin: '@nx/eslint/plugin', options: { targetName: 'lint' } },
    { plugin: '@nx/jest/plugin', options: { targetName: 'test' } },
  ],
  tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
};

const nameOf = (index) => `p${String(index).padStart(4, '0')}`;

/** Writes down when the task really began. */
const STAMP = 'mkdir -p dist/{projectName} && date +%s%3N > dist/{projectName}/began';

/** Libraries in layers of ten, each with the files for which the three plugins infer a target. */
export function startupFiles(projects) {
  const files = {
    'nx.json': NX_JSON,
    'tsconfig.base.json': { compilerOptions: { strict: true, composite: true } },
    'tsconfig.json': { extends: './tsconfig.base.json', files: [] },
    'eslint.config.mjs': 'export default [];\n',
    'jest.preset.js': 'module.exports = {};\n',
  };
  for (let index = 1; index <= projects; index++) {
    const name = nameOf(index);
    const root = `libs/${name}`;
    const uses = index > 10 ? nameOf(index - 10) : null;
    files[`${root}/project.json`] = {
      name,
      targets: { stamp: { cache: false, command: STAMP.replaceAll('{projectName}', name) } },
    };
    files[`${root}/tsconfig.json`] = { extends: '../../tsconfig.base.json', include: ['src'] };
    files[`${root}/eslint.config.mjs`] = "export { default } from '../../eslint.config.mjs';\n";
    files[`${root}/jest.config.cjs`] = `module.exports = { displayName: '${name}' };\n`;
    files[`${root}/src/index.ts`] =
      uses === null
        ? `export const ${name} = 1;\n`
        : `import { ${uses} } from '../../${uses}/src/index';\nexport const ${name} = ${uses} + 1;\n`;
    files[`${root}/src/index.spec.ts`] =
      `import { ${name} } from './index';\nit('is', () => void ${name});\n`;
  }
  return files;
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const OURS = ['supervisors', 'executors', 'plugin workers'];

let count = 0;

/** A fresh session with one agent, until everything of it is at rest. */
async function startAgent(fleet, slots) {
  const { Pipeline } = loadWorkspaceFactory();
  count += 1;
  const main = fleet.machine(`main-${count}`);
  const pipeline = new Pipeline(fleet, main, { DTE_SESSION_ID: `startup-${count}` });
  await pipeline.startCiRun();
  const watch = watchCpu(() => fleet.runningProcesses());
  const beganMs = Date.now();
  pipeline.startAgent(`agent-${count}`, { args: [`--slots=${slots}`] });
  await idle(() => fleet.runningProcesses().map(({ pid }) => pid));
  const readyMs = Date.now() - beganMs;
  const used = watch.stop();
  return { pipeline, readyMs, cpuMs: OURS.reduce((sum, role) => sum + (used[role] ?? 0), 0) };
}

const beganOf = (machine, name) =>
  Number(readFileSync(join(machine.workspace, 'dist', name, 'began'), 'utf8'));

/** From the start of the command to the start of its only task. */
async function firstTask(run, machine, name) {
  const beganMs = Date.now();
  const exit = await run(['run', `${name}:stamp`]);
  if (exit.code !== 0) throw new Error(`The command failed.\n${exit.output}`);
  return beganOf(machine, name) - beganMs;
}

/** @returns medians: { slots: { [n]: { cpuMs, readyMs } }, ratio4, firstTaskMs, plainFirstTaskMs } */
export async function startupBench(fleet, { slots, runs, say }) {
  const measured = Object.fromEntries(slots.map((each) => [each, []]));
  const [first, plain] = [[], []];
  for (let run = 1; run <= runs; run++) {
    for (const each of slots) {
      const { pipeline, readyMs, cpuMs } = await startAgent(fleet, each);
      measured[each].push({ readyMs, cpuMs });
      say(`  run ${run}, ${each} slots: ${cpuMs} ms of processor time, at rest after ${readyMs} ms`);
      if (each === slots.at(-1)) {
        const agent = pipeline.agent(`agent-${count}`).machine;
        first.push(await firstTask((args) => pipeline.nx(args), agent, nameOf(1)));
        const alone = fleet.machine(`alone-${count}`, { ci: false, env: { CI: 'true' } });
        plain.push(await firstTask((args) => alone.nx(args), alone, nameOf(1)));
        say(`  run ${run}: first task after ${first.at(-1)} ms, plain Nx ${plain.at(-1)} ms`);
      }
      await pipeline.complete();
    }
  }
  const of = (each, key) => median(measured[each].map((one) => one[key]));
  const [least, most] = [slots[0], slots.at(-1)];
  return {
    slots: Object.fromEntries(
      slots.map((each) => [each, { cpuMs: of(each, 'cpuMs'), readyMs: of(each, 'readyMs') }]),
    ),
    cpuRatio: Number((of(most, 'cpuMs') / of(least, 'cpuMs')).toFixed(2)),
    firstTaskMs: median(first),
    plainFirstTaskMs: median(plain),
  };
}
