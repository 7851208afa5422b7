// npm run bench -- overhead|makespan|schedule|shapes|restores|scale|report|startup|cache [--nx=24.0.6] [--runs=5] [--only=3x2] [--cpu=1] [--fixed=1]
//   [--command=node] [--profile=<folder>]
//
//   overhead   the cost of distribution: 200 trivial tasks, 2 agents x 2 slots against plain Nx with
//              --parallel=4, all on this machine, cold, alternating; medians. Then the same with one agent and one slot that
//              have a core of their own: what an agent pays for each task besides the run
//   makespan   the quality of the schedule, from the first start to the last end, compared with the lower bound for any
//              scheduler: max(critical path, work / slots).
//              --dag=flat (default): 360 tasks of known length on 3x1, 3x2 and 6x2 slots.
//              --dag=layered: a graph of `^build` tasks on 3x1, 3x2, 6x2 and 12x2, distributed cold and with the durations that
//              the cold run before has learnt, beside plain Nx with as many slots, alternating; once each: plain Nx with the
//              slots of one agent, and hand sharding with and without a shared cache (--references=0: without these).
//              FIFO, random order and others are simulated, with no time lost between two tasks. --sizes=100 (20,100,400),
//              --lengths=uniform (lognormal,humped): the graph of the goals; --only=3x1,12x2: these shapes; --command=node (sh):
//              naps are node processes, whose start everybody has to wait for, or shell; --trace=1: where the time between two tasks
//              of a slot goes
//   schedule   what the decisions of the scheduler cost: the graphs of `makespan --dag=layered` in virtual time, on agents that take 20 ms
//              for a message and 60 ms to prepare a task, beside list scheduling; the graph of the goals and --runs (20) - 1 others
//   shapes     published workloads as naps at a twentieth of their length: (a) 511 projects, of which 100 have tests that run
//              alone on their machine; (b) 1,067 shards on 30 agents x 2. --only=a or b, --agents, --slots of each
//   restores   when outputs are on the main job's disk: 100 tasks of 1 MB and 2 of 200 MB on 2 agents x 2 slots
//   scale      the capacity of the coordinator: one process of it, --agents (1000) over real WebSockets, one run of --tasks
//              (20000) that take --length (0) ms each and store 1 kB (--artifacts=0: nothing); no Nx. --kill=1 kills it
//              (SIGKILL) in the middle of the run and restarts it; --profile covers only the coordinator. --runs (1). Some 30 s a run.
//              --rate=500 lets 500 tasks a second end for --seconds (20), whatever the coordinator does (an open loop), and
//              measures from a slot that is free to its next task; some 40 s a run.
//              --growth=1 instead: 1,000 to 100,000 tasks and 10 to 1,000 agents, and the exponents of both; some 4 minutes.
//              --beside=bullmq runs as many jobs through BullMQ on Redis in turn with it: redis-server must be installed
//              (`apt-get install -y redis-server`), BullMQ is installed into a temporary folder (lib/scale-bullmq.mjs)
//   startup    an agent's start at 1, 2 and 4 slots, and the time from `nx affected` to the first assignment and to the first task beside
//              plain Nx, in workspaces of 10, 300 and 1,000 projects (--projects: one size) with Nx's plugins for TypeScript, ESLint and
//              Jest. One run takes 1 minute at 10 projects, 2 at 300 and 4 at 1,000 on two free cores
//   report     the page of a report: folds and renders --tasks (10000) on --agents (100), and measures it in chromium
//   cache      what the shared cache saves (the demo workspace, with one project changed), PUT and GET against nginx with WebDAV, and a
//              store of 200,000 entries. --only=pipelines|transfer|store: one of these. nginx must be installed (`apt-get install nginx-full`).
//              --sizes=1kB,2GB: only these sizes of PUT and GET; --bare=1: beside them a bare server of Node
//
// The trivial tasks of `overhead` are a line of shell (3 ms), the worst case; with --command=node they are node
// processes (40 ms), like nearly every task of a real workspace.
// Limits that are set in the environment (DTE_PREFETCHED_TASKS=0) reach every process of `overhead`, `makespan`, `shapes`, `restores` and
// `startup`. `overhead` always measures processor time: the last line has the ratio of that as well.
// --fixed=1 gives the agents their --slots, so that executors need not wait until the run sets their number.
// --cpu=1 prints the processor time of each kind of process (and costs some itself). --profile writes .cpuprofile
// files of every process that exits by itself. The last line on stdout is machine-readable; everything else goes to stderr.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { cpus } from 'node:os';
import { bootstrap } from './bootstrap.mjs';
import { packAll } from './pack.mjs';
import { trivialWorkspace } from './lib/bench-workspaces.mjs';
import { profiling } from './lib/bench-fleet.mjs';
import { cacheBench } from './lib/cache-bench.mjs';
import { makespan, shapes } from './lib/makespan-bench.mjs';
import { OVERHEAD, overheadBench } from './lib/overhead-bench.mjs';
import { RESTORES, restoresBench, restoresFiles } from './lib/restores-bench.mjs';
import { reportBench } from './lib/report-bench.mjs';
import { scheduleBench } from './lib/schedule-bench.mjs';
import { scaleModes } from './lib/scale-modes.mjs';
import { startupBench, startupChange, startupFiles, startupInstall } from './lib/startup-bench.mjs';
import { limitsIn, loadWorkspaceFactory, withFleet } from './lib/testing.mjs';

const say = (text) => console.error(text);

const FLAGS = ['nx', 'runs', 'profile', 'only', 'cpu', 'fixed', 'command', 'bare'];
const MAKESPAN_FLAGS = ['trace', 'dag', 'sizes', 'lengths', 'references', 'slots'];
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
  const options = Object.fromEntries(
    [...FLAGS, ...MAKESPAN_FLAGS, ...SCALE_FLAGS].map((flag) => [flag, undefined]),
  );
  for (const flag of flags) {
    const [, key, value] = /^--([a-z]+)=(.+)$/.exec(flag) ?? [];
    if (!(key in options)) throw new Error(`${flag} is unknown; see the first lines of tools/bench.mjs.`);
    options[key] = value;
  }
  if (options.runs !== undefined && !/^[1-9]\d{0,2}$/.test(options.runs))
    throw new Error('--runs requires a number from 1 to 999.');
  return { name, ...options };
}

const BENCHMARKS = {
  overhead: {
    run: overheadBench,
    runs: 5,
    files: ({ command = 'sh' }) => trivialWorkspace(OVERHEAD.projects, command),
  },
  restores: {
    run: (fleet, options) => restoresBench(fleet, { ...options, sizes: RESTORES }),
    runs: 5,
    files: () => restoresFiles(RESTORES),
  },
};

/** Those that need a workspace for each of their graphs. */
const WITH_GRAPHS = { makespan, shapes };

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

const STARTUP = { sizes: [10, 300, 1000], slots: [1, 2, 4], runs: 5 };

async function startup(options) {
  await packAll();
  const { install, Fleet } = loadWorkspaceFactory();
  const installed = startupInstall();
  const runs = Number(options.runs ?? STARTUP.runs);
  const sizes = options.projects === undefined ? STARTUP.sizes : [count(options, 'projects', 300, 1)];
  say(`startup: nx ${installed.nx}, ${machine()}, ${runs} runs`);
  const results = {};
  for (const projects of sizes) {
    say(`${projects} projects:`);
    const [files, change] = [startupFiles(projects), startupChange(projects)];
    const fleet = Fleet.create({ install: install(installed), files, change, env: limitsIn(process.env) });
    const given = { slots: STARTUP.slots, runs, projects, env: profiling(options.profile), say };
    results[projects] = await withFleet(fleet, () => startupBench(fleet, given));
  }
  return { nx: installed.nx, machine: machine(), runs, projects: results };
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
  if (options.name === 'schedule') {
    await bootstrap();
    const runs = count(options, 'runs', 20, 1);
    console.log(`bench schedule: ${JSON.stringify({ runs, ...scheduleBench({ runs, say }) })}`);
    return;
  }
  if (options.name === 'startup') {
    console.log(`bench startup: ${JSON.stringify(await startup(options))}`);
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
  const result = await inFleets(options);
  console.log(`bench ${options.name}: ${JSON.stringify(result)}`);
}

/** A benchmark of Nx commands, in workspaces of its own. */
async function inFleets({ name, ...options }) {
  const benchmark = BENCHMARKS[name];
  const withGraphs = WITH_GRAPHS[name];
  if (!benchmark && !withGraphs) {
    const names = [
      ...Object.keys(BENCHMARKS),
      ...Object.keys(WITH_GRAPHS),
      'scale',
      'startup',
      'report',
      'cache',
      'schedule',
    ];
    throw new Error(`Name a benchmark: ${names.join(' or ')}.`);
  }
  await packAll();
  const { install, Fleet, DEFAULT_NX_VERSION } = loadWorkspaceFactory();
  const installed = { nx: options.nx ?? DEFAULT_NX_VERSION };
  const runs = options.runs === undefined ? benchmark?.runs : Number(options.runs);
  say(`${name}: nx ${installed.nx}, ${machine()}${runs === undefined ? '' : `, ${runs} runs`}`);
  const inFleet = (files, action) => {
    const fleet = Fleet.create({ install: install(installed), files, env: limitsIn(process.env) });
    return withFleet(fleet, () => action(fleet));
  };
  const given = { ...options, runs, say };
  if (withGraphs) return withGraphs(inFleet, given);
  return inFleet(benchmark.files(options), (fleet) => benchmark.run(fleet, given));
}

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
