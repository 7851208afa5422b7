// npm test: everything, also on a fresh clone. Three phases, because they weigh so differently:
//   unit         packages/*/src          from the sources, one file for each core
//   integration  packages/*/integration  the same, with sockets and processes, and with every supported Nx
//   e2e          e2e/<area>              from packed tarballs in real workspaces
// Of the last two, one file more than there are cores: they also wait.
//
//   npm test -- [--only=unit|integration|e2e] [--scheduled] [pattern ...] [jest options that start with a dash]
//
// With --scheduled, also what takes too long for each commit: every Nx major in the end-to-end tests, and tests of what shorter
// ones cover in another way.
//
// A pattern is matched against the path of the test file. Results go to tmp/test-results/<phase>.json (jest's own).
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.mjs';
import { cleanEnvironment } from './lib/clean-environment.mjs';
import { endAndDescribe, processesMarkedBy } from './lib/leftovers.mjs';
import { root, workspacePackages } from './lib/packages.mjs';
import { printSummary, tally } from './lib/test-summary.mjs';

const results = join(root, 'tmp', 'test-results');
/** How long jest may take to exit after it has written its results. After that, a test still has something running. */
const EXIT_GRACE_MS = 15_000;
/** jest's last output is read within this time after its exit. */
const PIPE_DRAIN_MS = 2_000;
const LEAK_MESSAGES = [
  /A worker process has failed to exit gracefully/,
  /Jest did not exit one second after/,
];

/** Specs of the packages below one of their folders. */
const packagesPhase = (folder, workers) => ({
  projects: () => workspacePackages().map(({ path }) => join(path, 'jest.config.cjs')),
  options: [`--testMatch=<rootDir>/${folder}/**/*.spec.ts`, `--maxWorkers=${workers}`],
  // Compile errors are reported; tests of everything that compiles are still useful.
  prepare: async () => {
    await bootstrap({ build: false });
    return problemsOf(() => bootstrap());
  },
});

const PHASES = {
  unit: packagesPhase('src', availableParallelism()),
  integration: packagesPhase('integration', availableParallelism() + 1),
  e2e: {
    projects: () => [join(root, 'e2e', 'jest.config.cjs')],
    options: [`--maxWorkers=${availableParallelism() + 1}`],
    prepare: async () => {
      const { packAll } = await import('./pack.mjs');
      return problemsOf(() => packAll());
    },
  },
};

async function problemsOf(action) {
  try {
    await action();
    return [];
  } catch (error) {
    return [error.message];
  }
}

function parseArguments(args) {
  const only = args.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);
  if (only !== undefined && !(only in PHASES)) {
    throw new Error(`--only=${only} is unknown: use ${Object.keys(PHASES).join(', ')}.`);
  }
  const rest = args.filter((arg) => !arg.startsWith('--only=') && arg !== '--scheduled');
  return {
    scheduled: args.includes('--scheduled'),
    phases: only === undefined ? Object.keys(PHASES) : [only],
    patterns: rest.filter((arg) => !arg.startsWith('-')),
    jestOptions: rest.filter((arg) => arg.startsWith('-')),
  };
}

async function runPhase(name, { patterns, jestOptions, scheduled }) {
  const phase = PHASES[name];
  const unprepared = await phase.prepare();
  if (unprepared.length > 0 && name === 'e2e') return { name, problems: unprepared, report: undefined };
  const output = join(results, `${name}.json`);
  rmSync(output, { force: true });
  // A folder for all temporary files of the phase: everything that is left in it, or still running in it, is a leak.
  // The name is short because sockets are created below it and a socket path is limited to about 100 characters.
  const scratch = mkdtempSync(join(tmpdir(), 'dt-'));
  try {
    const problems = await runJest({
      args: [
        '--projects',
        ...phase.projects(),
        '--passWithNoTests',
        '--json',
        `--outputFile=${output}`,
        `--cacheDirectory=${join(root, 'node_modules', '.cache', 'jest')}`,
        `--testSequencer=${join(root, 'tools', 'lib', 'slow-first.cjs')}`,
        ...phase.options,
        // Set here because CI is not in the environment of the tests: snapshots are compared, never written.
        ...(process.env.CI ? ['--ci'] : []),
        ...jestOptions,
        ...(patterns.length > 0 ? ['--testPathPatterns', ...patterns] : []),
      ],
      env: { ...cleanEnvironment(process.env), TMPDIR: scratch, TEST_SCHEDULED: String(scheduled) },
      output,
    });
    problems.unshift(...unprepared);
    problems.push(...(await endAndDescribe(processesMarkedBy(scratch))));
    const folders = readdirSync(scratch).filter((entry) => entry.startsWith('dte'));
    if (folders.length > 0) problems.push(`left behind in the temporary folder: ${folders.join(', ')}`);
    if (!existsSync(output))
      return { name, problems: [...problems, 'jest wrote no results'], report: undefined };
    const report = JSON.parse(readFileSync(output, 'utf8'));
    if (report.numTotalTests === 0 && patterns.length === 0) problems.push('no test ran');
    return { name, problems, report };
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

function runJest({ args, env, output }) {
  const jest = join(root, 'node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [jest, ...args], {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const problems = [];
  return new Promise((resolve, reject) => {
    let exitDeadline;
    let tail = '';
    child.stderr.on('data', (chunk) => {
      process.stderr.write(chunk);
      tail = (tail + chunk).slice(-4096);
      for (const pattern of LEAK_MESSAGES) {
        const [message] = pattern.exec(tail) ?? [];
        if (message && !problems.includes(message)) problems.push(message);
      }
    });
    const watch = setInterval(() => {
      if (!existsSync(output)) return;
      exitDeadline ??= Date.now() + EXIT_GRACE_MS;
      if (Date.now() < exitDeadline) return;
      clearInterval(watch);
      problems.push('jest did not exit after its last test: a test leaves a timer, socket or process behind');
      child.kill('SIGKILL');
    }, 250);
    const forward = (signal) => child.kill(signal);
    process.once('SIGINT', forward).once('SIGTERM', forward);
    child.once('error', reject);
    // Not `close`: a process that a test leaves behind may hold the pipe open forever.
    child.once('exit', (code, signal) => {
      clearInterval(watch);
      process.off('SIGINT', forward).off('SIGTERM', forward);
      if (signal && problems.length === 0) problems.push(`jest was killed by ${signal}`);
      // The report contains failed tests; this adds what it cannot contain.
      if (code !== 0 && !existsSync(output)) problems.push(`jest exited with code ${code}`);
      const settle = () => {
        clearTimeout(drained);
        child.stderr.destroy();
        resolve(problems);
      };
      const drained = setTimeout(settle, PIPE_DRAIN_MS);
      child.once('close', settle);
    });
  });
}

async function main() {
  const request = parseArguments(process.argv.slice(2));
  mkdirSync(results, { recursive: true });
  const finished = [];
  for (const name of request.phases) {
    const startedAt = Date.now();
    finished.push({ ...(await runPhase(name, request)), durationMs: Date.now() - startedAt });
  }
  const total = tally(finished);
  writeFileSync(join(results, 'summary.json'), JSON.stringify(total, null, 2));
  printSummary(finished, total);
  const nothingRan = total.passed + total.failed === 0;
  if (nothingRan) console.error('No test ran.');
  return total.failed > 0 || total.problems > 0 || nothingRan ? 1 : 0;
}

process.exitCode = await main().catch((error) => {
  console.error(error.message);
  return 1;
});
