// What an agent's start costs, and how soon the first task runs, in a workspace whose targets Nx's own plugins infer.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cpuOf, watchCpu } from './cpu.mjs';
import { idle } from './idle.mjs';
import { median } from './median.mjs';
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

/** Changes the last library, which no other uses: `nx affected` then has one task. */
export function startupChange(projects) {
  const name = nameOf(projects);
  return { [`libs/${name}/src/changed.ts`]: 'export const changed = true;\n' };
}

const OURS = ['supervisors', 'executors', 'plugin workers'];

let count = 0;

/** A fresh session with one agent, until everything of it is at rest. */
async function startAgent(fleet, slots, env) {
  const { Pipeline } = loadWorkspaceFactory();
  count += 1;
  const main = fleet.machine(`main-${count}`);
  const session = `startup-${count}`;
  const pipeline = new Pipeline(fleet, main, { DTE_SESSION_ID: session, ...env });
  await pipeline.startCiRun();
  const watch = watchCpu(() => fleet.runningProcesses());
  const beganMs = Date.now();
  pipeline.startAgent(`agent-${count}`, { args: [`--slots=${slots}`] });
  await idle(() => fleet.runningProcesses().map(({ pid }) => pid), {
    profiled: env.NODE_OPTIONS !== undefined,
  });
  const readyMs = Date.now() - beganMs;
  const used = watch.stop();
  const cpuMs = OURS.reduce((sum, role) => sum + (used[role] ?? 0), 0);
  return { pipeline, session, readyMs, cpuMs };
}

/** How often the processor time of a command is read, in ms. */
const SAMPLE_MS = 20;

/** `nx affected` with one task: when it began on `machine`, and the processor time of the command without its children. */
async function firstTask(start, machine, name) {
  const beganMs = Date.now();
  const running = start(['affected', '-t', 'stamp']);
  let cpuMs = 0;
  const timer = setInterval(() => (cpuMs = Math.max(cpuMs, cpuOf(running.pid).own)), SAMPLE_MS);
  const exit = await running.end(FIRST_TASK_LIMIT_MS).finally(() => clearInterval(timer));
  if (exit.code !== 0) throw new Error(`The command failed.\n${exit.output}`);
  const stamp = Number(readFileSync(join(machine.workspace, 'dist', name, 'began'), 'utf8'));
  return { beganMs, firstTaskMs: stamp - beganMs, cpuMs };
}

/** For one command with one task of some milliseconds; a thousand projects on a busy machine take their time. */
const FIRST_TASK_LIMIT_MS = 300_000;

/** When the coordinator assigned the only task, from the events that the reports are made of. */
function assignedMs(main, session) {
  const path = join(main.workspace, '.nx', 'dte', 'report', `${session}.jsonl`);
  const events = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
  const started = events.find(({ type, entry }) => type === 'entry' && entry.type === 'started');
  return started.entry.assignedMs ?? started.entry.atMs;
}

/** `nx affected` with ready agents, and the same with plain Nx on a machine that is as fresh. */
async function firstTasks(fleet, { pipeline, session }, name) {
  const agent = pipeline.agents[0].machine;
  const ours = await firstTask((args) => pipeline.startNx(args), agent, name);
  const alone = fleet.machine(`alone-${count}`, { ci: false, env: { CI: 'true' } });
  const plain = await firstTask((args) => alone.startNx(args), alone, name);
  const firstAssignmentMs = assignedMs(pipeline.main, session) - ours.beganMs;
  return {
    firstAssignmentMs,
    firstTaskMs: ours.firstTaskMs,
    mainCpuMs: ours.cpuMs,
    plainFirstTaskMs: plain.firstTaskMs,
    plainCpuMs: plain.cpuMs,
  };
}

/** The medians of each value of some records of the same shape. */
const medians = (records) =>
  Object.fromEntries(Object.keys(records[0]).map((key) => [key, median(records.map((one) => one[key]))]));

/**
 * Processor times are of the processes of an agent until it is at rest (`cpuMs`), and of the process of the command (`mainCpuMs`,
 * `plainCpuMs`): they say more than times on a machine that does other things too.
 * @returns medians: { slots: { [n]: { cpuMs, readyMs } }, cpuRatio, firstAssignmentMs, firstTaskMs, plainFirstTaskMs, … }
 */
export async function startupBench(fleet, { slots, runs, projects, env = {}, say }) {
  const measured = Object.fromEntries(slots.map((each) => [each, []]));
  const commands = [];
  for (let run = 1; run <= runs; run++) {
    for (const each of slots) {
      const started = await startAgent(fleet, each, env);
      const { readyMs, cpuMs } = started;
      measured[each].push({ readyMs, cpuMs });
      say(`  run ${run}, ${each} slots: ${cpuMs} ms of processor time, at rest after ${readyMs} ms`);
      commands.push(await firstTasks(fleet, started, nameOf(projects)));
      say(`  run ${run}: ${JSON.stringify(commands.at(-1))}`);
      await started.pipeline.complete();
    }
  }
  const bySlots = Object.fromEntries(slots.map((each) => [each, medians(measured[each])]));
  const [least, most] = [bySlots[slots[0]], bySlots[slots.at(-1)]];
  return { slots: bySlots, cpuRatio: Number((most.cpuMs / least.cpuMs).toFixed(2)), ...medians(commands) };
}
