// npm run simulate -- [--seeds=5000] [--seed=<number>]
//
// Runs whole sessions in virtual time: the real driver, codec, journal, supervisor and follower, over a simulated network, disk and
// clock, with the faults that each seed draws (packages/simulation). Every step is checked, and what main jobs report is compared
// with the same session without faults.
//
//   --seeds=5000   how many seeds, from 1 on; default 300
//   --seed=17      this seed only, with its faults and its trace
//
// A violation is printed with its seed, its faults and its trace, a scenario for packages/scheduler/scenarios. The last line is for
// machines; the exit code is 1 if there is a violation.
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { bootstrap } from './bootstrap.mjs';

const require = createRequire(import.meta.url);

const USAGE = 'npm run simulate -- [--seeds=5000] [--seed=<number>]';
const DEFAULT_SEEDS = 300;
const PROGRESS_MS = 10_000;

function parseArguments(args) {
  const options = { seeds: DEFAULT_SEEDS, seed: undefined };
  for (const arg of args) {
    const [, name, value] = /^--(seeds|seed)=(\d{1,9})$/.exec(arg) ?? [];
    if (name === undefined || Number(value) < 1)
      throw new Error(`${arg} is not known or makes no sense: ${USAGE}`);
    options[name] = Number(value);
  }
  return options;
}

function show(seed, { violation, faults, trace }) {
  console.log(`\nseed ${seed}: ${violation ?? 'no violation'}\n\nFaults:`);
  const sorted = [...faults].sort((a, b) => a.atMs - b.atMs);
  for (const { atMs, fault } of sorted) console.log(`  at ${atMs} ms: ${JSON.stringify(fault)}`);
  console.log(`\nTrace:\n\n${trace}\n`);
}

const NOTHING = { seeds: 0, steps: 0, faults: 0, violations: 0 };

/** Every `workers`-th seed from `first` on: each worker has a world of its own. */
async function simulateShare({ first, last, workers, single }) {
  const { simulateSeed } = require('@org/dte-simulation');
  for (let seed = first; seed <= last; seed += workers) {
    const ran = await simulateSeed(seed);
    const violations = ran.violation === null ? 0 : 1;
    const total = { seeds: 1, steps: ran.steps, faults: ran.faults.length, violations };
    parentPort.postMessage({ total, shown: violations > 0 || single ? { seed, ...ran } : null });
  }
}

function startWorker(share, onRan) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(fileURLToPath(import.meta.url), { workerData: share });
    worker.on('message', onRan).once('error', reject).once('exit', resolve);
  });
}

async function main() {
  const { seeds, seed } = parseArguments(process.argv.slice(2));
  await bootstrap();
  const single = seed !== undefined;
  const [first, last] = single ? [seed, seed] : [1, seeds];
  const workers = single ? 1 : availableParallelism();
  const sum = { ...NOTHING };
  const onRan = ({ total, shown }) => {
    for (const [name, value] of Object.entries(total)) sum[name] += value;
    if (shown !== null) show(shown.seed, shown);
  };
  const progress = setInterval(() => {
    console.error(`${sum.seeds} of ${last - first + 1} seeds, ${sum.violations} violations`);
  }, PROGRESS_MS);
  const shares = Array.from({ length: workers }, (_, nth) => ({ first: first + nth, last, workers, single }));
  await Promise.all(shares.map((share) => startWorker(share, onRan))).finally(() => clearInterval(progress));
  console.log(`simulate: ${JSON.stringify(sum)}`);
  return sum.violations === 0 ? 0 : 1;
}

if (isMainThread) {
  process.exitCode = await main().catch((error) => {
    console.error(error.message);
    return 1;
  });
} else {
  await simulateShare(workerData);
}
