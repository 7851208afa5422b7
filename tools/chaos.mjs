// npm run chaos -- --minutes=10 --seed=1
//
// Runs a real workspace distributed, again and again: a main job, a coordinator (one of the main job and a service by turns) and
// agents, all of them processes, and makes one to three faults in each run: processes are killed, frozen and told to stop, links
// are cut, stalled, slowed down, reset and half-opened, disks are full, stored artifacts are damaged, a coordinator is restarted.
// After each run everything has to be as if the command had run locally: exit code, statuses, files; every result was accepted
// once, and nothing is left, neither processes nor temporary files.
//
//   --minutes=10    no run begins after that time, except until every kind of fault was dealt once
//   --runs=<n>      so many runs instead
//   --seed=1        the same seed makes the same faults at the same events
//   --run=<k>       this run of the seed alone
//   --keep          keep the logs of all runs, not only of those that did not hold
//   --jobs=<n>      runs side by side; default: one for each core
//
// The last line is for machines; the exit code is 1 when something did not hold. The logs of such a run are kept in tmp/chaos.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packAll } from './pack.mjs';
import { root } from './lib/packages.mjs';
import { green, red } from './lib/terminal.mjs';
import { loadWorkspaceFactory, withFleet } from './lib/testing.mjs';

const USAGE = 'npm run chaos -- [--minutes=10 | --runs=<n> | --run=<k>] [--seed=1] [--jobs=<n>] [--keep]';
const MINUTE_MS = 60_000;
const WORKER = '--worker';
const folder = join(root, 'tmp', 'chaos');

function parseArguments(args) {
  const options = {
    minutes: 10,
    runs: Infinity,
    seed: 1,
    run: undefined,
    jobs: availableParallelism(),
    keep: false,
  };
  for (const arg of args) {
    if (arg === '--keep') {
      options.keep = true;
      continue;
    }
    const [, name, value] = /^--(minutes|runs|seed|run|jobs)=(\d+(?:\.\d+)?)$/.exec(arg) ?? [];
    if (name === undefined) throw new Error(`${arg} is not known or makes no sense: ${USAGE}`);
    options[name] = Number(value);
    if (name === 'runs') options.minutes = Infinity;
  }
  return options;
}

function report(bench, { describeResult }, result) {
  const text = describeResult(result);
  if (result.violations.length === 0) return console.log(green(text));
  const { seed, run } = result.plan;
  console.log(red(text));
  console.log(`  logs: ${bench.folderOf(result.plan)}`);
  console.log(`  again: npm run chaos -- --seed=${seed} --run=${run}`);
}

/**
 * Runs side by side are in processes of their own: cloning a workspace blocks a process for seconds, and the faults of another run
 * would come when it is over.
 */
async function work() {
  const { ChaosBench, planRun } = loadWorkspaceFactory();
  const bench = new ChaosBench(folder, process.argv.includes('--keep'));
  process.on('message', ({ seed, run }) => {
    void bench.perform(planRun(seed, run)).then((result) => {
      // What was seen is in files where it is of interest.
      if (process.connected) process.send({ ...result, evidence: null, logs: {} });
    });
  });
  // Without its parent nobody waits for a result.
  await withFleet(bench, () => once(process, 'disconnect'));
  process.exit();
}

/** @param {() => number | null} nextRun null: no further one */
async function drive({ seed, keep }, nextRun, onResult) {
  const worker = fork(fileURLToPath(import.meta.url), [WORKER, ...(keep ? ['--keep'] : [])]);
  const gone = once(worker, 'exit').then(([code]) => {
    throw new Error(`A process that performs the runs ended with ${code}.`);
  });
  // Noticed where it is waited for.
  gone.catch(() => undefined);
  for (let run = nextRun(); run !== null; run = nextRun()) {
    worker.send({ seed, run });
    const [result] = await Promise.race([once(worker, 'message'), gone]);
    onResult(result);
  }
  worker.disconnect();
  await once(worker, 'exit');
}

async function main() {
  const { minutes, runs, seed, run, jobs, keep } = parseArguments(process.argv.slice(2));
  await packAll();
  const testing = loadWorkspaceFactory();
  const bench = new testing.ChaosBench(folder);
  if (bench.noDisks !== null) console.log(`Disks cannot be filled here: ${bench.noDisks}`);
  const endAt = Date.now() + minutes * MINUTE_MS;
  const results = [];
  let next = run ?? 1;
  const last = run ?? runs;
  const dealt = new Set();
  const nextRun = () => {
    const hasTime = Date.now() < endAt || dealt.size < testing.FAULT_KINDS.length;
    if (next > last || (run === undefined && !hasTime)) return null;
    for (const { kind } of testing.planRun(seed, next).faults) dealt.add(kind);
    return next++;
  };
  const onResult = (result) => {
    results.push(result);
    report(bench, testing, result);
  };
  const workers = run === undefined ? jobs : 1;
  await Promise.all(Array.from({ length: workers }, () => drive({ seed, keep }, nextRun, onResult)));
  const missed = results.flatMap((result) => result.missed);
  const noDisk = bench.noDisks === null ? [] : missed.filter(({ kind }) => kind.startsWith('disk-full'));
  console.log(
    `Planned and not made: ${missed.length - noDisk.length} whose moment did not come, ${noDisk.length} full disks that cannot be made here.`,
  );
  console.log(testing.coverageLine(results));
  console.log(testing.noticeLine(results));
  console.log(testing.summaryLine(results));
  return results.every(({ violations }) => violations.length === 0) ? 0 : 1;
}

if (process.argv[2] === WORKER) await work();
else
  process.exitCode = await main().catch((error) => {
    console.error(red(error.message));
    return 2;
  });
