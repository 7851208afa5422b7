// npm run demo: one pipeline on this machine. A main job and three agents, each a process with its own clone, HOME and
// caches, run `nx affected -t lint,test,build,e2e-ci` of a small web shop; then the same command runs undistributed.
// Exits with the code of the distributed run, or 1 if the two runs differ. The last line is machine-readable.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { bootstrap, root } from './bootstrap.mjs';
import { chart, comparison, taskTable } from './lib/demo-report.mjs';
import { installTools } from './lib/demo-tools.mjs';
import { demoChange, demoFiles, demoInstall } from './lib/demo-workspace.mjs';
import { bold, cyan, dim, green, heading, red, seconds } from './lib/terminal.mjs';
import { loadWorkspaceFactory, withFleet } from './lib/testing.mjs';
import { packAll } from './pack.mjs';

const AGENTS = 3;
const PARALLEL = 2;
const COMMAND = ['affected', '-t', 'lint,test,build,e2e-ci', `--parallel=${PARALLEL}`];
/** Only a hung command takes longer, even on a machine with ten times as much to do. */
const DEADLINE_MS = 1_800_000;
const PROGRESS_MS = 10_000;

const ENV = {
  // Without it, Nx refuses split targets such as e2e-ci.
  NX_SKIP_ATOMIZER_VALIDATION: 'true',
};

const begin = performance.now();
const clock = () => dim(seconds(performance.now() - begin).padStart(8));

/** Runs one phase, and prints how long it took. */
async function phase(text, action) {
  console.log(`${clock()} ${cyan('▸')} ${text}`);
  const startedAt = performance.now();
  const result = await action();
  console.log(`${clock()} ${green('✔')} ${dim(`done in ${seconds(performance.now() - startedAt)}`)}`);
  return result;
}

/** The tarballs of this repository and the tools of the workspace need nothing of each other. */
async function prepare() {
  const wanted = demoInstall();
  const tools = installTools(wanted);
  // Reported where it is awaited.
  tools.catch(() => undefined);
  await phase("Installing this repository's dependencies", () => bootstrap({ build: false }));
  await phase('Building and packing @org/dte', packAll);
  return await phase(
    'Installing a workspace: nx, @nx/jest, eslint, typescript, esbuild, and the tarballs',
    async () => {
      const folder = await tools;
      return loadWorkspaceFactory().install({ ...wanted, tools: folder });
    },
  );
}

async function distributed(fleet) {
  const { Pipeline } = loadWorkspaceFactory();
  const pipeline = await phase(
    `Starting a main job and ${AGENTS} agents, each with its own clone, HOME and caches`,
    () => Pipeline.start(fleet, AGENTS),
  );
  console.log(heading(`main job: nx ${COMMAND.join(' ')}`));
  const startedAtMs = Date.now();
  const exit = await pipeline.nx(COMMAND, {
    onOutput: (text) => process.stdout.write(text),
    env: { FORCE_COLOR: process.stdout.isTTY && process.env.NO_COLOR === undefined ? '1' : undefined },
    deadlineMs: DEADLINE_MS,
  });
  const status = JSON.parse((await pipeline.dte(['status', '--json'], { name: 'status' })).stdout);
  const left = await pipeline.complete();
  return { pipeline, exit, startedAtMs, run: status.runs[0], agentCodes: left.map(({ code }) => code) };
}

async function undistributed(fleet) {
  const alone = fleet.machine('alone', { ci: false, env: { CI: 'true' } });
  console.log(heading(`the same command on one machine: nx ${COMMAND.join(' ')}`));
  console.log('Another clone, cold caches, no agents.');
  const [startedAt, startedAtMs] = [performance.now(), Date.now()];
  const running = alone.startNx(COMMAND);
  const progress = setInterval(() => {
    const done = stripVTControlCharacters(running.output()).match(/^(?:✔|✖) /gm)?.length ?? 0;
    console.log(
      dim(`${String(done).padStart(3)} tasks done after ${seconds(performance.now() - startedAt)}`),
    );
  }, PROGRESS_MS);
  try {
    const exit = await running.end(DEADLINE_MS);
    if (exit.code !== 0) console.log(exit.output.slice(-2000));
    return { alone, exit, startedAtMs };
  } finally {
    clearInterval(progress);
  }
}

/** Nx records every command there. */
function recordedTasks(machine, startedAtMs, agentOf) {
  const { tasks } = JSON.parse(readFileSync(join(machine.folder, 'nx-cache', 'run.json'), 'utf8'));
  const since = (text) => Date.parse(text) - startedAtMs;
  return tasks.map(({ taskId, target, startTime, endTime, status }) => ({
    id: taskId,
    target,
    agent: agentOf(taskId),
    startMs: since(startTime),
    endMs: since(endTime),
    code: status,
  }));
}

/** An agent's log names each task when it ends. */
function agentsOfTasks(pipeline) {
  const agents = new Map();
  for (const { name, process: job } of pipeline.agents) {
    for (const [, id] of job.output().matchAll(/^(?:✔|✖) (\S+)/gm)) agents.set(id, name);
  }
  return (id) => agents.get(id) ?? 'main job';
}

/** The names and contents of the built files. */
function outputsOf(machine) {
  const files = machine.filesBelow('dist');
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0${machine.read(`dist/${file}`)}\0`);
  return { count: files.length, digest: hash.digest('hex') };
}

const statusesOf = (tasks) => JSON.stringify(tasks.map(({ id, code }) => [id, code]).sort());

/** What both runs have to have in common. */
function compared(ours, theirs) {
  const [here, there] = [outputsOf(ours.machine), outputsOf(theirs.machine)];
  const row = (what, same, [alone, agents], verdict) => ({
    what,
    alone: String(alone),
    agents: String(agents),
    verdict: same ? verdict : 'DIFFERENT',
    good: same,
  });
  const codes = [theirs.exit.code, ours.exit.code];
  return [
    row('exit code', codes[0] === codes[1], codes, 'the same'),
    row(
      'tasks',
      statusesOf(ours.tasks) === statusesOf(theirs.tasks),
      [theirs.tasks.length, ours.tasks.length],
      'the same, with the same results',
    ),
    row('built files', here.digest === there.digest, [there.count, here.count], 'the same, byte for byte'),
  ];
}

const HEADS = {
  alone: `1 machine x ${PARALLEL} tasks`,
  agents: `${AGENTS} agents x ${PARALLEL} tasks`,
};

const FAIRNESS = () =>
  `Both ran the same command on this machine with its ${availableParallelism()} cores, from cold caches. Most of the time,
a test waits for the services behind the shop, which are as slow as those of a staging environment
(see e2e/demo-workspace/files/libs/services). Waiting needs no core: so three agents help even here,
where all share the same cores. Agents with cores of their own also compile and lint faster.`;

const NEXT = [
  'npm install --save-dev @org/dte',
  'npx nx g @org/dte:setup-gitlab                  # adds the main job and the agents to .gitlab-ci.yml',
];

function report(ours, theirs) {
  const agents = Array.from({ length: AGENTS }, (_, index) => ({
    name: `agent-${index + 1}`,
    slots: PARALLEL,
  }));
  const print = (title, lines) => console.log([heading(title), ...lines].join('\n'));
  print('tasks by target and agent', taskTable(ours.tasks, agents, ours.exit.durationMs));
  print(
    'what ran when',
    chart([
      { tasks: ours.tasks, places: agents, durationMs: ours.exit.durationMs },
      {
        tasks: theirs.tasks,
        places: [{ name: 'one machine', slots: PARALLEL }],
        durationMs: theirs.exit.durationMs,
      },
    ]),
  );
  const speedup = theirs.exit.durationMs / ours.exit.durationMs;
  const time = {
    what: 'time',
    alone: seconds(theirs.exit.durationMs),
    agents: seconds(ours.exit.durationMs),
    verdict: bold(`${speedup.toFixed(1)} times as fast`),
    good: speedup > 1,
  };
  const same = compared(ours, theirs);
  print('distributed and on one machine', comparison([time, ...same], HEADS));
  console.log(dim(`\n${FAIRNESS()}`));
  print('next, in your own workspace', NEXT);
  return { speedup, same: same.every(({ good }) => good) };
}

/** The workspace of the main job is deleted; its report is kept. */
function keepReport(main) {
  const folder = join(root, 'tmp', 'demo');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'dte-report.html');
  writeFileSync(path, main.read('.nx/dte/report/dte-report.html'));
  return path;
}

async function main() {
  const install = await prepare();
  const files = demoFiles();
  const fleet = loadWorkspaceFactory().Fleet.create({ install, files, change: demoChange(files), env: ENV });
  return await withFleet(fleet, async () => {
    const { pipeline, exit, startedAtMs, run, agentCodes } = await distributed(fleet);
    const plain = await undistributed(fleet);
    const { speedup, same } = report(
      {
        machine: pipeline.main,
        exit,
        tasks: recordedTasks(pipeline.main, startedAtMs, agentsOfTasks(pipeline)),
      },
      {
        machine: plain.alone,
        exit: plain.exit,
        tasks: recordedTasks(plain.alone, plain.startedAtMs, () => 'one machine'),
      },
    );
    if (agentCodes.some((code) => code !== 0))
      console.log(red(`Agents exited with ${agentCodes.join(', ')} instead of 0`));
    console.log(`\n${dim(`Everything together took ${seconds(performance.now() - begin)}.`)}`);
    console.log(`The report of the distributed run, for any browser: ${bold(keepReport(pipeline.main))}`);
    console.log(
      `demo: ${JSON.stringify({
        tasks: run?.total ?? 0,
        agents: AGENTS,
        failed: run?.failed ?? 0,
        distributedMs: Math.round(exit.durationMs),
        localMs: Math.round(plain.exit.durationMs),
        speedup: Number(speedup.toFixed(2)),
      })}`,
    );
    return exit.code === 0 && !same ? 1 : (exit.code ?? 1);
  });
}

process.exitCode = await main().catch((error) => {
  console.error(red(error.message));
  return 1;
});
