// npm run demo: one pipeline on this machine. A main job and three agents, each a process with its own clone, HOME and
// caches, run `nx affected -t lint,test,build` of a small web shop; then the same command runs undistributed. Exits
// with the code of the distributed run. The last line is machine-readable.
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { packAll } from './pack.mjs';
import { demoChange, demoFiles, demoInstall } from './lib/demo-workspace.mjs';
import { bold, cyan, dim, green, heading, red, seconds, wrap } from './lib/terminal.mjs';
import { loadWorkspaceFactory, withFleet } from './lib/testing.mjs';

const AGENTS = 3;
const PARALLEL = 2;
const COMMAND = ['affected', '-t', 'lint,test,build', `--parallel=${PARALLEL}`];

const step = (text) => console.log(`${cyan('▸')} ${text}`);

async function distributed(fleet) {
  const { Pipeline } = loadWorkspaceFactory();
  step(`Starting a main job and ${AGENTS} agents, each with its own clone, HOME and caches`);
  const pipeline = await Pipeline.start(fleet, AGENTS);
  console.log(heading(`main job: nx ${COMMAND.join(' ')}`));
  const exit = await pipeline.nx(COMMAND, {
    onOutput: (text) => process.stdout.write(text),
    env: { FORCE_COLOR: process.stdout.isTTY ? '1' : undefined },
    deadlineMs: 600_000,
  });
  const status = JSON.parse((await pipeline.dte(['status', '--json'], { name: 'status' })).stdout);
  const left = await pipeline.complete();
  return { pipeline, exit, status, agentCodes: left.map(({ code }) => code) };
}

async function undistributed(fleet) {
  const alone = fleet.machine('alone', { ci: false, env: { CI: 'true' } });
  console.log(heading('the same command, undistributed: another clone, cold caches'));
  const exit = await alone.nx(COMMAND, { deadlineMs: 600_000 });
  const [summary] = exit.output
    .split('\n')
    .filter((line) => /Successfully ran|Running target.*failed|Ran target/.test(line));
  console.log((summary ?? exit.output.slice(-2000)).trim());
  return { alone, exit };
}

/** An agent's log names each task when it ends. Other words of a log line may look like a task, so the ids are collected first. */
function tasksByAgent(pipeline) {
  return pipeline.agents.map(({ name, process: job }) => {
    const found = new Set();
    for (const [, id] of job.output().matchAll(/^(?:✔|✖) (\S+)/gm)) found.add(id);
    return { name, tasks: [...found] };
  });
}

function printTable(rows) {
  console.log(heading('tasks by agent'));
  const width = Math.min(process.stdout.columns ?? 100, 100) - 16;
  for (const { name, tasks } of rows) {
    const [first, ...more] = wrap(tasks, width);
    console.log(`${bold(name.padEnd(9))}${String(tasks.length).padStart(3)}  ${first}`);
    for (const line of more) console.log(`${' '.repeat(14)}${line}`);
  }
}

/** A digest of the names and contents of the compiled files. */
const digestOf = (machine) => {
  const files = machine.filesBelow('dist');
  const hash = createHash('sha256');
  for (const file of files) hash.update(`${file}\0${machine.read(`dist/${file}`)}\0`);
  return { count: files.length, digest: hash.digest('hex') };
};

function printComparison(pipeline, ours, theirs, alone) {
  console.log(heading('comparison'));
  const [here, there] = [digestOf(pipeline.main), digestOf(alone)];
  const same = here.digest === there.digest;
  console.log(
    `Outputs on the main job   ${here.count} files, ${same ? green('identical to those of the undistributed run') : red(`different from the ${there.count} files of the undistributed run`)}`,
  );
  console.log(
    `Distributed               ${bold(seconds(ours.durationMs))}   ${AGENTS} agents x ${PARALLEL} tasks`,
  );
  console.log(
    `Undistributed             ${bold(seconds(theirs.durationMs))}   1 machine x ${PARALLEL} tasks`,
  );
  const cores = availableParallelism();
  if (cores < AGENTS * PARALLEL) {
    console.log(
      dim(
        `All of this shares ${cores} cores: compiling is limited by the cores, so distribution cannot save much time here; it can only cost little.\n` +
          'On separate machines, the agents would work in parallel.',
      ),
    );
  }
  return same;
}

async function main() {
  step('Building and packing @org/dte');
  await packAll();
  const { install, Fleet } = loadWorkspaceFactory();
  step('Installing the tarballs and real tools (eslint, typescript, esbuild, nx) into a workspace');
  const files = demoFiles();
  const fleet = Fleet.create({ install: install(demoInstall()), files, change: demoChange(files) });
  return await withFleet(fleet, async () => {
    const { pipeline, exit, status, agentCodes } = await distributed(fleet);
    const run = status.runs[0] ?? { total: 0, failed: 0 };
    printTable(tasksByAgent(pipeline));
    const { alone, exit: plain } = await undistributed(fleet);
    const same = printComparison(pipeline, exit, plain, alone);
    if (agentCodes.some((code) => code !== 0))
      console.log(red(`Agents exited with ${agentCodes.join(', ')} instead of 0`));
    console.log(
      `demo: ${JSON.stringify({ tasks: run.total, agents: AGENTS, failed: run.failed, distributedMs: Math.round(exit.durationMs), localMs: Math.round(plain.durationMs) })}`,
    );
    return exit.code === 0 && !same ? 1 : (exit.code ?? 1);
  });
}

process.exitCode = await main().catch((error) => {
  console.error(red(error.message));
  return 1;
});
