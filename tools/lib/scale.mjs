// `npm run bench -- scale`: one real coordinator process, many agents over real WebSockets, one run of many tasks that take
// no time. What is measured is the coordinator and nothing else: no Nx, no executors.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './clean-environment.mjs';
import { cpuOf } from './cpu.mjs';
import { loadWorkspaceFactory } from './testing.mjs';

const require = createRequire(import.meta.url);
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** One process reads and writes for so many agents. */
const AGENTS_PER_PROCESS = 250;
const CHAIN = 4;
const JOIN_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 1_800_000;
const SESSION = 'bench-scale';
const RUN = 'scale-run';
const IDENTITY = { commit: null, nxVersion: '0.0.0', nodeVersion: process.version, platform: 'any' };

const load = () => ({
  ...require('../../packages/agent/dist/index.js'),
  ...require('../../packages/protocol/dist/index.js'),
  ...require('../../packages/dte/dist/runner/follow-run.js'),
  ...loadWorkspaceFactory(),
});

/** About as much as Nx says of a task, in chains of four: build, then what needs it. */
function specOf(tasks) {
  const targets = ['build', 'lint', 'test', 'e2e-ci'];
  const task = (_, index) => {
    const project = `scope-name-project-${Math.floor(index / CHAIN)}`;
    const projectRoot = `packages/scope-name/${project}`;
    const idOf = (at) => `${project}:${targets[at]}`;
    const at = index % CHAIN;
    const nxTask = {
      ...{
        id: idOf(at),
        target: { project, target: targets[at] },
        projectRoot,
        cache: true,
        parallelism: true,
      },
      ...{
        overrides: { __overrides_unparsed__: [] },
        outputs: [`${projectRoot}/dist`, `coverage/${projectRoot}`],
      },
    };
    return {
      ...{ id: idOf(at), nxTask, hash: String(index).padStart(20, '7'), cacheable: true, parallelism: true },
      dependencies: at === 0 ? [] : [{ id: idOf(at - 1) }],
      ...{ continuousDependencies: [], weight: 1, initial: { state: 'pending' } },
    };
  };
  return {
    ...{
      runId: RUN,
      command: 'nx run-many -t build,lint,test,e2e-ci',
      requestedTargets: targets,
      parallel: 2,
    },
    ...{ nxBail: false, skipNxCache: false, verbose: false, streamOutput: false, env: {} },
    tasks: Array.from({ length: tasks }, task),
  };
}

/** The coordinator as `dte coordinator` starts it; it can be killed and started again on what it left. */
class CoordinatorProcess {
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-scale-'));
  port = 0;
  /** Of those that are gone. */
  cpuMs = 0;
  rssMb = 0;

  constructor(profile) {
    this.profile = profile;
    writeFileSync(join(this.folder, 'nx.json'), '{}');
    writeFileSync(join(this.folder, 'package.json'), '{ "name": "scale" }');
  }

  async start() {
    const { RunningProcess } = loadWorkspaceFactory();
    const profiling = this.profile
      ? { NODE_OPTIONS: `--require=${here('./profile.cjs')}`, DTE_BENCH_PROFILE: this.profile }
      : {};
    this.process = new RunningProcess({
      ...{ name: 'coordinator', command: process.execPath, cwd: this.folder },
      args: [
        here('../../packages/dte/dist/cli/main.js'),
        'coordinator',
        `--port=${this.port}`,
        '--data-dir=data',
      ],
      env: { ...cleanEnvironment(process.env), ...profiling },
    });
    await this.process.waitForOutput(/coordinator on http:\S+:\d+/);
    this.port = Number(/coordinator on http:\S+:(\d+)/.exec(this.process.output())[1]);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Processor time so far, of all processes it has been. */
  usedMs() {
    return this.cpuMs + cpuOf(this.process.pid).own;
  }

  peakMb() {
    return Math.max(this.rssMb, peakOf(this.process.pid));
  }

  async end(signal) {
    this.rssMb = this.peakMb();
    this.cpuMs = this.usedMs();
    this.process.signalTree(signal);
    await this.process.end();
  }

  async close() {
    if (this.process?.running) await this.end('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function peakOf(pid) {
  try {
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024);
  } catch {
    return 0;
  }
}

/** The processes that are the agents. */
class Drivers {
  children = [];
  latest = new Map();

  /** @param {object} options what each agent is told */
  async start(agents, options) {
    const { waitFor } = loadWorkspaceFactory();
    const names = Array.from({ length: agents }, (_, index) => `agent-${index + 1}`);
    for (let from = 0; from < agents; from += AGENTS_PER_PROCESS) {
      const child = fork(new URL('./scale-agents.mjs', import.meta.url), {
        env: cleanEnvironment(process.env),
      });
      child.on('message', (message) => this.latest.set(child, message));
      this.children.push(child);
    }
    await waitFor('the processes of the agents', () => this.latest.size === this.children.length);
    this.children.forEach((child, index) => {
      const from = index * AGENTS_PER_PROCESS;
      child.send({ type: 'connect', names: names.slice(from, from + AGENTS_PER_PROCESS), ...options });
    });
  }

  /** Closes all connections. @returns what was seen */
  async end() {
    const { waitFor } = loadWorkspaceFactory();
    this.latest.clear();
    for (const child of this.children) child.send({ type: 'end' });
    await waitFor(`the last words of ${this.children.length} processes of agents`, () => {
      const gone = this.children.find((child) => child.exitCode !== null && !this.latest.has(child));
      if (gone) throw new Error(`A process of agents ended with ${gone.exitCode}.`);
      return this.latest.size === this.children.length;
    });
    const all = [...this.latest.values()];
    const sum = (name) => all.reduce((total, each) => total + each[name], 0);
    return {
      ...Object.fromEntries(['lost', 'bytes', 'messages', 'specBytes'].map((name) => [name, sum(name)])),
      errors: all.flatMap(({ errors }) => errors),
      latencies: all.flatMap(({ latencies }) => latencies).sort((left, right) => left - right),
    };
  }

  async close() {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill();
      await once(child, 'exit');
    }
  }
}

/** The main job: submits the run and follows it as the tasks runner does. */
class MainJob {
  bytes = 0;
  agents = 0;
  ended = 0;
  retried = 0;
  failed = 0;

  constructor(url) {
    const { connect, coordinatorToMainSchema, encode, httpClient, readLimits } = load();
    this.limits = readLimits({}).limits;
    this.connection = connect({
      address: url,
      hello: {
        ...{ role: 'main', sessionId: SESSION, clientId: 'main-1', name: 'main job', jobUrl: null },
        ...{ identity: IDENTITY, slots: null, labels: [] },
      },
      ...{ limits: this.limits, incoming: coordinatorToMainSchema },
    });
    this.connection.onMessage((message) => {
      this.bytes += encode(message).length;
      if (message.type !== 'session.info') return;
      this.agents = message.agents.filter(({ connected }) => connected).length;
      this.info = message;
    });
    this.http = httpClient({
      url: () => this.connection.httpUrl(),
      token: () => this.connection.token(),
      ...{ limits: this.limits, retryForMs: this.limits.coordinatorGraceMs },
    });
  }

  submit(spec) {
    return this.http.submitRun(spec);
  }

  follow(expected) {
    const { followRun } = load();
    return followRun({
      ...{ connection: this.connection, runId: RUN, info: this.info, expected, limits: this.limits },
      ...{ reports: async () => [], onOutput: () => {}, onSession: () => {} },
      onEntry: (entry) => {
        if (entry.type === 'retried') this.retried++;
        if (entry.type !== 'ended') return;
        this.ended++;
        if (entry.status !== 'success') this.failed++;
      },
    });
  }

  close() {
    this.connection.close();
    this.http.close();
  }
}

const since = (start) => Math.round(performance.now() - start);
const at = (sorted, part) => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
const mb = (bytes) => (bytes / 1e6).toFixed(1);

/** Waits for the end of the run and, if wanted, kills the coordinator in the middle of it. */
async function runToEnd(main, coordinator, { tasks, kill, say }) {
  const { waitFor } = loadWorkspaceFactory();
  let outcome;
  const following = main.follow(tasks);
  void following.over.then((reason) => (outcome = { reason }));
  const lastState = () => `${main.ended} of ${tasks} tasks ended\n${coordinator.process.describe()}`;
  if (kill) {
    await waitFor('half of the run', () => main.ended >= tasks / 2, { deadlineMs: RUN_LIMIT_MS, lastState });
    await coordinator.end('SIGKILL');
    const start = performance.now();
    await coordinator.start();
    say(`  killed after ${main.ended} tasks, back after ${since(start)} ms`);
  }
  await waitFor('the end of the run', () => outcome, { deadlineMs: RUN_LIMIT_MS, lastState });
  if (outcome.reason !== null)
    throw new Error(`The run was given up: ${outcome.reason.message}\n${lastState()}`);
  if (main.failed > 0) throw new Error(`${main.failed} tasks did not succeed.\n${lastState()}`);
}

/**
 * @param {{ agents: number, tasks: number, artifacts: boolean, taskMs: number, kill: boolean, profile?: string,
 *   say: (text: string) => void }} options
 */
export async function scale(options) {
  const { agents, tasks, artifacts, taskMs, profile, say } = options;
  const { waitFor } = loadWorkspaceFactory();
  const coordinator = new CoordinatorProcess(profile);
  const drivers = new Drivers();
  let main;
  try {
    await coordinator.start();
    main = new MainJob(coordinator.url);
    await waitFor('the connection of the main job', () => main.connection.state.name === 'open');

    const joining = performance.now();
    await drivers.start(agents, {
      ...{ url: coordinator.url, sessionId: SESSION, identity: IDENTITY, artifacts, taskMs },
    });
    const loadedMs = since(joining);
    await waitFor(`${agents} agents`, () => main.agents === agents, {
      deadlineMs: JOIN_LIMIT_MS,
      lastState: () => `${main.agents} are connected\n${coordinator.process.describe()}`,
    });
    const joinMs = since(joining) - loadedMs;
    const joined = { cpuMs: coordinator.usedMs(), bytes: main.bytes };
    say(
      `  ${agents} agents are in after ${joinMs} ms; coordinator ${joined.cpuMs} ms of processor time, ${coordinator.peakMb()} MB; ${mb(joined.bytes)} MB to the main job`,
    );

    const spec = specOf(tasks);
    const submitting = performance.now();
    await main.submit(spec);
    const submitMs = since(submitting);
    const running = performance.now();
    await runToEnd(main, coordinator, options);
    const runMs = since(running);
    const usedMs = coordinator.usedMs() - joined.cpuMs;
    const seen = await drivers.end();
    if (seen.errors.length > 0) throw new Error(`Agents met errors: ${[...new Set(seen.errors)].join('; ')}`);

    const result = {
      ...{ agents, tasks, joinMs, submitMs, tasksPerSecond: Math.round((tasks * 1000) / runMs) },
      ...{ medianMs: at(seen.latencies, 0.5), p99Ms: at(seen.latencies, 0.99) },
      ...{ coordinatorCpuMs: usedMs, coordinatorRssMb: coordinator.peakMb() },
      ...{ lost: seen.lost, retried: main.retried },
    };
    say(
      `  run: submitted in ${submitMs} ms, done in ${runMs} ms, ${result.tasksPerSecond} tasks/s; result to next task: median ${result.medianMs} ms, p99 ${result.p99Ms} ms (${seen.latencies.length} times)`,
    );
    say(
      `  coordinator: ${usedMs} ms of processor time (${(usedMs / tasks).toFixed(2)} ms a task), at most ${result.coordinatorRssMb} MB`,
    );
    say(
      `  sent to agents: ${seen.messages} messages, ${mb(seen.bytes)} MB, and ${mb(seen.specBytes)} MB of run specs; to the main job: ${mb(main.bytes - joined.bytes)} MB`,
    );
    say(`  connections of agents lost: ${seen.lost}, attempts lost: ${main.retried}`);
    return result;
  } finally {
    main?.close();
    await drivers.close();
    await coordinator.close();
  }
}
