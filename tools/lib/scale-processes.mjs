// The processes of `npm run bench -- scale`: the coordinator and those that are its agents.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './clean-environment.mjs';
import { cpuOf } from './cpu.mjs';
import { loadWorkspaceFactory } from './testing.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** One process reads and writes for this many agents. */
const AGENTS_PER_PROCESS = 250;

/** The coordinator as `dte coordinator` starts it; it can be killed and restarted on its data. */
export class CoordinatorProcess {
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-scale-'));
  port = 0;
  /** Of processes that have exited. */
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
      name: 'coordinator',
      command: process.execPath,
      cwd: this.folder,
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

  /** Processor time so far, of all its processes. */
  usedMs() {
    return this.cpuMs + cpuOf(this.process.pid).own;
  }

  peakMb() {
    return Math.max(this.rssMb, memoryOf(this.process.pid, 'VmHWM'));
  }

  rssNowMb() {
    return memoryOf(this.process.pid, 'VmRSS');
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

/** @param {'VmHWM' | 'VmRSS'} name its highest, or its current resident size */
export function memoryOf(pid, name) {
  try {
    const line = new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Math.round(Number(line[1]) / 1024);
  } catch {
    return 0;
  }
}

/** The processes of the agents. */
export class Drivers {
  children = [];
  latest = new Map();

  async load(agents) {
    const { waitFor } = loadWorkspaceFactory();
    this.names = Array.from({ length: agents }, (_, index) => `agent-${index + 1}`);
    for (let from = 0; from < agents; from += AGENTS_PER_PROCESS) {
      const child = fork(new URL('./scale-agents.mjs', import.meta.url), {
        env: cleanEnvironment(process.env),
      });
      child.on('message', (message) => this.latest.set(child, message));
      this.children.push(child);
    }
    await waitFor('the processes of the agents', () => this.latest.size === this.children.length);
  }

  /** @param {object} options sent to each agent */
  connect(options) {
    this.children.forEach((child, index) => {
      const names = this.names.slice(index * AGENTS_PER_PROCESS, (index + 1) * AGENTS_PER_PROCESS);
      child.send({ type: 'connect', names, ...options });
    });
  }

  /** Waits until every agent has begun its first task. */
  async begun() {
    const { waitFor } = loadWorkspaceFactory();
    const count = async () => (await this.ask('begun')).reduce((total, each) => total + each.begun, 0);
    await waitFor('the first task of every agent', async () => (await count()) === this.names.length);
  }

  /** Tells every agent when its tasks have to end; see scale-pace.mjs. */
  pace(schedule) {
    this.children.forEach((child, index) =>
      child.send({ type: 'pace', ...schedule, first: index * AGENTS_PER_PROCESS }),
    );
  }

  /** Processor time so far, of all of them. */
  usedMs() {
    return this.children.reduce((total, { pid }) => total + cpuOf(pid).own, 0);
  }

  /** Closes all connections. @returns the collected results */
  async end() {
    const all = await this.ask('end');
    const sum = (name) => all.reduce((total, each) => total + each[name], 0);
    const sorted = (name) => all.flatMap((each) => each[name]).sort((left, right) => left - right);
    return {
      ...Object.fromEntries(['lost', 'bytes', 'messages', 'specBytes'].map((name) => [name, sum(name)])),
      errors: all.flatMap(({ errors }) => errors),
      latencies: sorted('latencies'),
      begins: sorted('begins'),
      waits: sorted('waits'),
    };
  }

  /** @returns the answer of each process */
  async ask(type) {
    const { waitFor } = loadWorkspaceFactory();
    this.latest.clear();
    for (const child of this.children) child.send({ type });
    await waitFor(`the answers of ${this.children.length} processes of agents`, () => {
      const gone = this.children.find((child) => child.exitCode !== null && !this.latest.has(child));
      if (gone) throw new Error(`A process of the agents exited with code ${gone.exitCode}.`);
      return this.latest.size === this.children.length;
    });
    return [...this.latest.values()];
  }

  async close() {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill();
      await once(child, 'exit');
    }
  }
}
