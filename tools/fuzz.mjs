// npm run fuzz -- [--cases=100000] [--seed=1] [--target=archives] [--case=1234]
//
// Sends invalid input to every parser that is reachable from the network: examples of the schemas (fast-check) with changed values,
// broken texts and archives, and raw bytes to the socket of a coordinator. The targets are in packages/dte/integration/fuzz.
//
// To repeat a case, pass its seed, target and number: `--seed=1 --target=archives --case=1234`. The default seed is random.
// A crash is an error that the code under test must not throw, or an answer, a file or a process that must not exist. A hang is a
// case that takes longer than its target allows. The last line on stdout is for machines; everything else goes to stderr.
import { fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './lib/packages.mjs';

const say = (text) => console.error(text);

const BATCH = 50;
const WATCH_MS = 200;
/** Timeout for starting a target (it may start a coordinator), and for the check after a batch. */
const BETWEEN_CASES_MS = 120_000;
/** More findings than this add nothing. */
const MOST_FINDINGS = 20;
const WORKER_HEAP_MB = 600;
/** Of what a worker wrote to stderr. */
const ERROR_CHARS = 4_000;

const worker = join(root, 'packages', 'dte', 'integration', 'scenarios', 'fuzz-worker.ts');
const hook = join(root, 'tools', 'lib', 'fuzz', 'typescript.cjs');

function parseArguments(flags) {
  const options = {
    cases: 100_000,
    seed: Math.floor(Math.random() * 2 ** 31),
    target: undefined,
    case: undefined,
  };
  for (const flag of flags) {
    const [, key, value] = /^--([a-z]+)=(.+)$/.exec(flag) ?? [];
    if (!(key in options)) throw new Error(`${flag} is not known; see the first lines of tools/fuzz.mjs.`);
    options[key] = key === 'target' ? value : Number(value);
    if (key !== 'target' && !Number.isSafeInteger(options[key]))
      throw new Error(`--${key} requires a number.`);
  }
  if (options.case !== undefined && options.target === undefined)
    throw new Error('--case requires --target.');
  return options;
}

/** The current case of a worker (-1: none), its start time, and its part of the order. In a file, because a hanging worker sends no messages. */
class Clock {
  constructor(path) {
    this.path = path;
    this.fd = openSync(path, 'w+');
    this.bytes = Buffer.alloc(24);
    this.bytes.writeDoubleLE(-1);
    writeSync(this.fd, this.bytes, 0, this.bytes.length, 0);
  }

  read() {
    readSync(this.fd, this.bytes, 0, this.bytes.length, 0);
    const [index, sinceMs, part] = [0, 8, 16].map((at) => this.bytes.readDoubleLE(at));
    return { index, sinceMs, part };
  }

  close() {
    closeSync(this.fd);
  }
}

/**
 * Runs one worker in a separate process, so that a crash does not end the campaign.
 * @returns how it ended, and in which case
 */
function startWorker(order, { clock, onMessage, caseMs = () => BETWEEN_CASES_MS }) {
  const child = fork(worker, [JSON.stringify({ ...order, clock: clock.path })], {
    execArgv: ['--require', hook, `--max-old-space-size=${WORKER_HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  return new Promise((resolve) => {
    let isHung = false;
    let failure = '';
    let betweenSince = Date.now();
    const watch = setInterval(() => {
      const { index, sinceMs, part } = clock.read();
      if (index >= 0) betweenSince = Date.now();
      const isLate = index >= 0 && Date.now() - sinceMs > caseMs(part);
      if (!isLate && Date.now() - betweenSince < BETWEEN_CASES_MS) return;
      isHung = true;
      clearInterval(watch);
      child.kill('SIGKILL');
    }, WATCH_MS);
    child.on('message', onMessage);
    child.stderr.on('data', (data) => (failure = (failure + data).slice(-ERROR_CHARS)));
    child.on('close', (code, signal) => {
      clearInterval(watch);
      resolve({ failure: `${failure}\nended with ${code ?? signal}`, isHung, ...clock.read() });
    });
  });
}

async function readTargets(folder) {
  let targets;
  const onMessage = (message) => (targets = message.targets);
  const clock = new Clock(join(folder, 'clock'));
  const { failure } = await startWorker({ parts: null }, { clock, onMessage });
  clock.close();
  if (targets === undefined) throw new Error(failure);
  return targets;
}

/** Runs all parts. A worker that crashes or hangs is replaced, and the next one continues after that case. */
class Campaign {
  findings = { crashes: 0, hangs: 0 };
  cases = 0;

  constructor(targets, { seed, folder }) {
    this.targets = new Map(targets.map((target) => [target.name, target]));
    this.seed = seed;
    this.folder = folder;
  }

  /** @param parts cases of targets: `{ target, from, to }` */
  async run(parts) {
    let rest = parts.filter(({ from, to }) => from < to);
    for (let round = 0; rest.length > 0 && this.found < MOST_FINDINGS; round++) {
      const begun = rest.map((part) => ({ ...part, reached: part.from, since: undefined }));
      const end = await this.round(begun, join(this.folder, `round-${round}`));
      const at = begun.findIndex(({ isOver }) => !isOver);
      if (at === -1) return;
      const { target, from, to, reached } = begun[at];
      const index = end.index >= 0 && end.part === at ? end.index : reached;
      const { caseMs } = this.targets.get(target);
      if (end.isHung) this.report('hang', begun[at], { index, error: `no end within ${caseMs} ms` });
      else this.report('crash', begun[at], { index, error: end.failure });
      this.cases += index + 1 - from;
      rest = [{ target, from: index + 1, to }, ...rest.slice(at + 1)].filter((part) => part.from < part.to);
    }
  }

  get found() {
    return this.findings.crashes + this.findings.hangs;
  }

  async round(begun, folder) {
    const clock = new Clock(`${folder}.clock`);
    let since = performance.now();
    const onMessage = (message) => {
      const part = begun[message.part];
      if (message.kind === 'crash') this.report('crash', part, message);
      if (message.kind === 'progress') part.reached = message.done;
      if (message.kind !== 'end') return;
      part.isOver = true;
      this.cases += part.to - part.from;
      const seconds = ((performance.now() - since) / 1_000).toFixed(1);
      since = performance.now();
      say(`${part.target.padEnd(12)} ${String(part.to - part.from).padStart(7)} cases, ${seconds} s`);
    };
    const parts = begun.map(({ target, from, to }) => ({ target, from, to }));
    const caseMs = (part) => this.targets.get(parts[part]?.target)?.caseMs ?? BETWEEN_CASES_MS;
    try {
      return await startWorker(
        { parts, seed: this.seed, batch: BATCH, folder },
        { clock, onMessage, caseMs },
      );
    } finally {
      clock.close();
    }
  }

  report(kind, { target }, { index, error, input }) {
    this.findings[kind === 'hang' ? 'hangs' : 'crashes'] += 1;
    say(`\n${kind.toUpperCase()} in ${target}, case ${index}: ${error}`);
    if (input) say(`  input: ${input}`);
    say(`  repeat it: npm run fuzz -- --seed=${this.seed} --target=${target} --case=${index}\n`);
  }
}

/** The number of cases of each target; `cases` in total. */
function sharesOf(targets, cases) {
  const shares = targets.reduce((sum, { share }) => sum + share, 0);
  const counts = targets.map(({ share }) => Math.floor((cases * share) / shares));
  counts[0] += cases - counts.reduce((sum, count) => sum + count, 0);
  return counts;
}

function partsOf(targets, { cases, case: single }) {
  if (single !== undefined) return [{ target: targets[0].name, from: single, to: single + 1 }];
  const counts = sharesOf(targets, cases);
  return targets.map(({ name }, index) => ({ target: name, from: 0, to: counts[index] }));
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  const { seed } = options;
  const folder = mkdtempSync(join(tmpdir(), 'dte-fuzz-'));
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => {
      remove();
      process.exit(130);
    });
  try {
    const all = await readTargets(folder);
    const targets = all.filter(({ name }) => options.target === undefined || name === options.target);
    if (targets.length === 0) throw new Error(`Targets: ${all.map(({ name }) => name).join(', ')}.`);
    say(`seed ${seed}`);
    const campaign = new Campaign(targets, { seed, folder });
    await campaign.run(partsOf(targets, options));
    console.log(`fuzz: ${JSON.stringify({ cases: campaign.cases, ...campaign.findings })}`);
    return campaign.found === 0 ? 0 : 1;
  } finally {
    remove();
  }
}

process.exitCode = await main().catch((error) => {
  say(error.stack ?? error.message);
  return 1;
});
