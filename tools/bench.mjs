// npm run bench -- overhead|makespan|scale|report|startup|cache [--nx=24.0.6] [--runs=5] [--only=3x2] [--cpu=1] [--fixed=1] [--command=node] [--profile=<folder>]
//
//   overhead   the cost of distribution: 200 trivial tasks, 2 agents x 2 slots against plain Nx with
//              --parallel=4, all on this machine, cold, alternating; medians
//   makespan   the quality of the schedule: 360 tasks of known length on 3x1, 3x2 and 6x2 slots, from the first start to
//              the last end, compared with the lower bound for any scheduler: max(critical path, work / slots)
//   scale      the capacity of the coordinator: one process of it, --agents (1000) over real WebSockets, one run of --tasks
//              (20000) that take --length (0) ms each and store 1 kB (--artifacts=0: nothing); no Nx. --kill=1 kills it
//              (SIGKILL) in the middle of the run and restarts it; --profile covers only the coordinator. --runs (1). Some 30 s a run.
//              --rate=500 lets 500 tasks a second end for --seconds (20), whatever the coordinator does (an open loop), and
//              measures from a slot that is free to its next task; some 40 s a run.
//              --growth=1 instead: 1,000 to 100,000 tasks and 10 to 1,000 agents, and the exponents of both; some 4 minutes.
//              --beside=bullmq runs as many jobs through BullMQ on Redis in turn with it: redis-server must be installed
//              (`apt-get install -y redis-server`), BullMQ is installed into a temporary folder (lib/scale-bullmq.mjs)
//   startup    an agent's start at 1, 2 and 4 slots, and the time to the first task beside plain Nx, in a workspace of
//              --projects (300) with Nx's plugins for TypeScript, ESLint and Jest
//   report     the page of a report: folds and renders --tasks (10000) on --agents (100), and measures it in chromium
//   cache      what the shared cache saves (the demo workspace, with one project changed), PUT and GET against nginx with WebDAV, and a
//              store of 200,000 entries. --only=pipelines|transfer|store: one of these. nginx must be installed (`apt-get install nginx-full`).
//              --sizes=1kB,2GB: only these sizes of PUT and GET; --bare=1: beside them a bare server of Node
//
// The trivial tasks of `overhead` are a line of shell (3 ms), the worst case; with --command=node they are node
// processes (40 ms), like nearly every task of a real workspace.
// --fixed=1 gives the agents their --slots, so that executors need not wait until the run sets their number.
// --cpu=1 prints the processor time of each kind of process (and costs some itself). --profile writes .cpuprofile
// files of every process that exits by itself. The last line on stdout is machine-readable; everything else goes to stderr.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { cpus } from 'node:os';
import { bootstrap } from './bootstrap.mjs';
import { packAll } from './pack.mjs';
import { nappingWorkspace, NAP_TARGETS, trivialWorkspace } from './lib/bench-workspaces.mjs';
import { describeCpu, watchCpu } from './lib/cpu.mjs';
import { idle } from './lib/idle.mjs';
import { median } from './lib/median.mjs';
import { cacheBench } from './lib/cache-bench.mjs';
import { reportBench } from './lib/report-bench.mjs';
import { scaleModes } from './lib/scale-modes.mjs';
import { startupBench, startupFiles, startupInstall } from './lib/startup-bench.mjs';
import { loadWorkspaceFactory, withFleet } from './lib/testing.mjs';

const say = (text) => console.error(text);
const round = (value, digits = 0) => Number(value.toFixed(digits));

const OVERHEAD = { projects: 200, agents: 2, slots: 2 };
const MAKESPAN = {
  projects: 120,
  seed: 2,
  shapes: [
    [3, 1],
    [3, 2],
    [6, 2],
  ],
};

const FLAGS = ['nx', 'runs', 'profile', 'only', 'cpu', 'fixed', 'command', 'sizes', 'bare'];
const SCALE_FLAGS = [
  'projects',
  'agents',
  'tasks',
  'length',
  'artifacts',
  'kill',
  'rate',
  'seconds',
  'growth',
  'beside',
];

function parseArguments([name, ...flags]) {
  const options = Object.fromEntries([...FLAGS, ...SCALE_FLAGS].map((flag) => [flag, undefined]));
  for (const flag of flags) {
    const [, key, value] = /^--([a-z]+)=(.+)$/.exec(flag) ?? [];
    if (!(key in options)) throw new Error(`${flag} is unknown; see the first lines of tools/bench.mjs.`);
    options[key] = value;
  }
  if (options.runs !== undefined && !/^[1-9]\d{0,2}$/.test(options.runs))
    throw new Error('--runs requires a number from 1 to 999.');
  return { name, ...options };
}

/** What the tasks write, on every machine. */
const OUTPUTS = ['dist'];

/** Numbers the sessions, so that no run finds leftovers of an earlier one. */
let sessions = 0;

/**
 * One cold distributed command: fresh session, empty caches; the agents are connected and at rest before it starts.
 * @returns {Promise<{ durationMs: number }>} of the nx command alone
 */
async function distributed(fleet, machines, { slots, args, profile, cpu, fixed }) {
  const { Pipeline } = loadWorkspaceFactory();
  const [main, ...agents] = machines;
  for (const machine of machines) machine.setAside(OUTPUTS);
  sessions += 1;
  const pipeline = new Pipeline(fleet, main, { DTE_SESSION_ID: `bench-${sessions}`, ...profiling(profile) });
  await pipeline.startCiRun();
  for (const machine of agents) {
    pipeline.startAgent(machine.name, { args: fixed ? [`--slots=${slots}`] : [] }, machine);
  }
  await agentsConnected(pipeline, agents.length);
  await idle(() => fleet.runningProcesses().map(({ pid }) => pid), { profiled: profile !== undefined });
  const watch = cpu ? watchCpu(() => fleet.runningProcesses()) : undefined;
  const exit = await pipeline.nx([...args, `--parallel=${slots}`], { deadlineMs: 900_000 });
  if (watch) say(`  processor time, distributed, ms: ${describeCpu(watch.stop())}`);
  if (exit.code !== 0) throw new Error(`The command failed.\n${exit.output}\n${pipeline.describe()}`);
  const line = exit.output
    .split('\n')
    .filter((text) => text.includes('dte:'))
    .at(-1);
  if (!line) throw new Error(`The command was not distributed.\n${exit.output}\n${pipeline.describe()}`);
  await pipeline.complete();
  return { durationMs: exit.durationMs, line: line.trim() };
}

const profiling = (folder) => {
  if (folder === undefined) return {};
  mkdirSync(resolve(folder), { recursive: true });
  return {
    NODE_OPTIONS: `--require=${resolve(import.meta.dirname, 'lib/profile.cjs')}`,
    DTE_BENCH_PROFILE: resolve(folder),
  };
};

async function agentsConnected(pipeline, count) {
  const { waitFor } = loadWorkspaceFactory();
  await waitFor(
    `${count} agents`,
    async () => {
      const { code, stdout } = await pipeline.dte(['status', '--json'], { name: 'status' });
      return code === 0 && JSON.parse(stdout).agents.filter(({ connected }) => connected).length === count;
    },
    { lastState: () => pipeline.describe() },
  );
}

/** The same command without @org/dte: no rendezvous, so Nx's own runner does everything. */
async function local(fleet, machine, { args, parallel, cpu }) {
  machine.setAside(OUTPUTS);
  await idle(() => []);
  const watch = cpu ? watchCpu(() => fleet.runningProcesses()) : undefined;
  const exit = await machine.nx([...args, `--parallel=${parallel}`], { deadlineMs: 900_000 });
  if (watch) say(`  processor time, plain, ms: ${describeCpu(watch.stop())}`);
  if (exit.code !== 0) throw new Error(`The plain command failed.\n${exit.output}`);
  return { durationMs: exit.durationMs };
}

function expectOutputs(machine, folder, count) {
  const found = machine.filesBelow(folder).length;
  if (found !== count) throw new Error(`${machine.name} has ${found} output files instead of ${count}.`);
}

async function overhead(fleet, { runs, profile, cpu, fixed }) {
  const { projects, agents, slots } = OVERHEAD;
  const machines = makeMachines(fleet, agents);
  const plain = fleet.machine('plain', { ci: false, env: { CI: 'true' } });
  const args = ['run-many', '-t', 'build'];
  const times = { distributed: [], local: [] };
  for (let run = 1; run <= runs; run++) {
    const ours = await distributed(fleet, machines, { slots, args, profile, cpu, fixed });
    expectOutputs(machines[0], 'dist', projects);
    const theirs = await local(fleet, plain, { args, parallel: agents * slots, cpu });
    expectOutputs(plain, 'dist', projects);
    times.distributed.push(ours.durationMs);
    times.local.push(theirs.durationMs);
    say(
      `run ${run}: distributed ${round(ours.durationMs)} ms, plain ${round(theirs.durationMs)} ms  (${ours.line})`,
    );
  }
  const [distributedMs, localMs] = [median(times.distributed), median(times.local)];
  return {
    ratio: round(distributedMs / localMs, 3),
    distributedMs: round(distributedMs),
    localMs: round(localMs),
    // Cost of distribution per task; negative if distribution is faster.
    perTaskMs: round((distributedMs - localMs) / projects, 2),
  };
}

const makeMachines = (fleet, agents) => [
  fleet.machine('main'),
  ...Array.from({ length: agents }, (_, index) => fleet.machine(`agent-${index + 1}`)),
];

async function makespan(fleet, { runs, profile, only, cpu, fixed }) {
  const shapes = MAKESPAN.shapes.filter(
    ([agents, slots]) => only === undefined || only === `${agents}x${slots}`,
  );
  const machines = makeMachines(fleet, Math.max(...shapes.map(([agents]) => agents)));
  const ratios = {};
  for (const [agents, slots] of shapes) {
    const found = [];
    for (let run = 1; run <= runs; run++) {
      const used = machines.slice(0, agents + 1);
      await distributed(fleet, used, {
        slots,
        args: ['run-many', '-t', NAP_TARGETS.join(',')],
        profile,
        cpu,
        fixed,
      });
      const result = measure(readNaps(machines[0]), agents * slots);
      found.push(result.ratio);
      say(`${agents}x${slots}: ${describeMakespan(result)}`);
    }
    ratios[`${agents}x${slots}`] = round(median(found), 3);
  }
  return ratios;
}

/** What the tasks themselves recorded, from the outputs restored on the main job. */
function readNaps(main) {
  const naps = {};
  for (let index = 1; index <= MAKESPAN.projects; index++) {
    const name = `p${String(index).padStart(3, '0')}`;
    naps[name] = Object.fromEntries(
      NAP_TARGETS.map((target) => [target, JSON.parse(main.read(`libs/${name}/naps/${target}.json`))]),
    );
  }
  return naps;
}

function measure(naps, slots) {
  const all = Object.values(naps).flatMap((targets) => Object.values(targets));
  const lengthOf = ({ begin, end }) => end - begin;
  const firstBegin = Math.min(...all.map(({ begin }) => begin));
  const lastEnd = Math.max(...all.map(({ end }) => end));
  const work = all.reduce((sum, nap) => sum + lengthOf(nap), 0);
  const criticalPath = Math.max(
    ...Object.values(naps).map(
      ({ build, test, lint }) => lengthOf(build) + Math.max(lengthOf(test), lengthOf(lint)),
    ),
  );
  const bound = Math.max(criticalPath, work / slots);
  const spanMs = lastEnd - firstBegin;
  // From the last moment at which fewer tasks than slots run: what a better order could save.
  const begins = all.map(({ begin }) => begin).sort((left, right) => left - right);
  return {
    ratio: spanMs / bound,
    spanMs,
    bound,
    criticalPath,
    work,
    slots,
    tailMs: lastEnd - begins.at(-1),
    tasks: all.length,
  };
}

const describeMakespan = ({ ratio, spanMs, bound, criticalPath, work, slots, tailMs, tasks }) => {
  // Slot time that no task used, over all tasks except the tail: the cost of reassigning a slot.
  const gapMs = (spanMs * slots - work) / tasks;
  return (
    `${ratio.toFixed(3)}  span ${round(spanMs)} ms, bound ${round(bound)} ms (critical path ${round(criticalPath)}, ` +
    `work ${round(work)} on ${slots} slots), unused ${gapMs.toFixed(1)} ms of a slot per task, last start ${round(tailMs)} ms before the end`
  );
};

const BENCHMARKS = {
  overhead: {
    run: overhead,
    runs: 5,
    files: ({ command = 'sh' }) => trivialWorkspace(OVERHEAD.projects, command),
  },
  startup: {
    run: (fleet, { runs }) => startupBench(fleet, { slots: [1, 2, 4], runs, say }),
    runs: 5,
    install: startupInstall,
    files: (options) => startupFiles(count(options, 'projects', 300, 1)),
  },
  makespan: { run: makespan, runs: 1, files: () => nappingWorkspace(MAKESPAN.projects, MAKESPAN.seed) },
};

const machine = () => `node ${process.version}, ${cpus().length} x ${cpus()[0].model}`;

function count(options, name, fallback, least = 0) {
  const value = Number(options[name] ?? fallback);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name} requires a number of at least ${least}.`);
}

async function scaleOf(options) {
  await bootstrap();
  return scaleModes({
    flags: options,
    count: (...asked) => count(options, ...asked),
    machine: machine(),
    say,
  });
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  if (options.name === 'scale') {
    console.log(`bench scale: ${JSON.stringify(await scaleOf(options))}`);
    return;
  }
  if (options.name === 'report') {
    await bootstrap();
    const [tasks, agents] = [count(options, 'tasks', 10_000, 1), count(options, 'agents', 100, 1)];
    say(`report: ${agents} agents, ${tasks} tasks, ${machine()}`);
    console.log(`bench report: ${JSON.stringify(await reportBench({ tasks, agents, say }))}`);
    return;
  }
  if (options.name === 'cache') {
    await packAll();
    const runs = count(options, 'runs', 5, 1);
    say(`cache: ${machine()}, ${runs} runs`);
    const profile = options.profile === undefined ? undefined : resolve(options.profile);
    if (profile) mkdirSync(profile, { recursive: true });
    const result = await cacheBench({
      runs,
      only: options.only,
      sizes: options.sizes,
      bare: options.bare === '1',
      profile,
      say,
    });
    console.log(`bench cache: ${JSON.stringify(result)}`);
    return;
  }
  const benchmark = BENCHMARKS[options.name];
  if (!benchmark)
    throw new Error(
      `Name a benchmark: ${[...Object.keys(BENCHMARKS), 'scale', 'report', 'cache'].join(' or ')}.`,
    );
  await packAll();
  const { install, Fleet, DEFAULT_NX_VERSION } = loadWorkspaceFactory();
  const installed = benchmark.install?.() ?? { nx: options.nx ?? DEFAULT_NX_VERSION };
  const { nx } = installed;
  const runs = Number(options.runs ?? benchmark.runs);
  say(`${options.name}: nx ${nx}, ${machine()}, ${runs} runs`);
  const fleet = Fleet.create({ install: install(installed), files: benchmark.files(options) });
  const result = await withFleet(fleet, () => benchmark.run(fleet, { ...options, runs }));
  console.log(`bench ${options.name}: ${JSON.stringify(result)}`);
}

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
