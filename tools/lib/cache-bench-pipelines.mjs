// Part of `npm run bench -- cache`: the demo workspace, built by a pipeline of main and then, with one project changed, by pipelines of
// branches: with each store, without one, and by plain Nx on one machine that has its local cache.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installTools } from './demo-tools.mjs';
import { demoFiles, demoInstall } from './demo-workspace.mjs';
import { cleanEnvironment } from './clean-environment.mjs';
import { idle } from './idle.mjs';
import { root } from './packages.mjs';
import { loadWorkspaceFactory, withFleet } from './testing.mjs';
import { median } from './median.mjs';

const AGENTS = 2;
const PARALLEL = 2;
/** Every project is affected, as after an update of a dependency: what nobody has built must run, the rest is found. */
const COMMAND = ['affected', '--files=nx.json', '-t', 'lint,test,build,e2e-ci'];
const DEADLINE_MS = 900_000;
const PROJECT = '42';
/** Without it, Nx refuses split targets such as e2e-ci. */
const ENV = { NX_SKIP_ATOMIZER_VALIDATION: 'true' };
const OUTPUTS = ['dist'];
const BUCKET = 'ci-cache';
/**
 * What a store needs in the environment of the coordinator; `none` is what the others are compared with. Job artifacts are not measured here:
 * their time is that of GitLab.
 */
const STORES = {
  none: () => ({}),
  coordinator: () => ({ DTE_CACHE: 'coordinator' }),
  s3: (endpoint) => ({
    DTE_CACHE: 's3',
    DTE_S3_BUCKET: BUCKET,
    DTE_S3_ENDPOINT: endpoint,
    // Of s3rver.
    DTE_S3_ACCESS_KEY_ID: 'S3RVER',
    DTE_S3_SECRET_ACCESS_KEY: 'S3RVER',
  }),
};

/** One library, which one app and the tests of both use. */
function change(files) {
  const path = 'libs/search/src/index.ts';
  return {
    [path]: `${files[path]}\nexport const longest = (words: readonly string[]): number => Math.max(0, ...words.map(({ length }) => length));\n`,
  };
}

/** A standalone coordinator with one store. */
class Service {
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-cache-'));

  async start(gitlab, program, env) {
    const { RunningProcess } = loadWorkspaceFactory();
    this.process = new RunningProcess({
      name: 'coordinator',
      command: process.execPath,
      // The AWS SDK is found from here.
      cwd: root,
      args: [
        program,
        'coordinator',
        '--port=0',
        `--data-dir=${join(this.folder, 'data')}`,
        `--issuers=${gitlab.url}`,
      ],
      env: { ...cleanEnvironment(process.env), ...env },
    });
    await this.process.waitForOutput(/coordinator on http:\S+:\d+/);
    this.url = /coordinator on (http:\S+:\d+)/.exec(this.process.output())[1];
  }

  async close() {
    if (this.process?.running) {
      this.process.signalTree('SIGTERM');
      await this.process.end();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The S3 server of the cache package's tests, on the same machine. */
class BucketServer {
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-s3-'));

  async start() {
    const { RunningProcess } = loadWorkspaceFactory();
    const program = join(root, 'packages', 'cache', 'integration', 's3-server.cjs');
    this.process = new RunningProcess({
      name: 's3',
      command: process.execPath,
      args: ['--openssl-legacy-provider', program, this.folder, BUCKET, 'obeys'],
      cwd: root,
      env: cleanEnvironment(process.env),
    });
    await this.process.waitForOutput(/listening on \d+/);
    this.url = `http://127.0.0.1:${/listening on (\d+)/.exec(this.process.output())[1]}`;
  }

  async close() {
    if (this.process?.running) {
      this.process.signalTree('SIGKILL');
      await this.process.end();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Numbers pipelines and their jobs. */
let pipelines = 1000;

/** A pipeline whose jobs prove with id tokens of the fake GitLab where they run. */
async function pipelineOf({ fleet, gitlab, machines }, url, { sha, ref, isProtected }) {
  const { Pipeline } = loadWorkspaceFactory();
  pipelines += 1;
  const claims = {
    project_id: PROJECT,
    pipeline_id: String(pipelines),
    sha,
    ref,
    ref_path: `refs/heads/${ref}`,
    ref_protected: String(isProtected),
  };
  const job = (number) => {
    const job_id = `${pipelines}${number}`;
    return { CI_JOB_ID: job_id, DTE_ID_TOKEN: gitlab.idToken({ ...claims, job_id }) };
  };
  const env = {
    ...ENV,
    CI_SERVER_URL: gitlab.url,
    CI_PROJECT_ID: PROJECT,
    CI_PIPELINE_ID: String(pipelines),
    DTE_COORDINATOR_URL: url,
    DTE_RENDEZVOUS_DIR: '',
    DTE_SESSION_ID: '',
  };
  const [main, ...agents] = machines;
  for (const machine of machines) {
    machine.setAside(OUTPUTS);
    await machine.run('git', ['checkout', '--quiet', '--detach', sha]);
  }
  const pipeline = new Pipeline(fleet, main, { ...env, ...job(0) });
  await pipeline.startCiRun();
  agents.forEach((machine, index) => pipeline.startAgent(machine.name, { env: job(index + 1) }, machine));
  return pipeline;
}

async function distributed(bench, service, of) {
  const pipeline = await pipelineOf(bench, service.url, of);
  await idle(() => bench.fleet.runningProcesses().map(({ pid }) => pid));
  const exit = await pipeline.nx([...COMMAND, `--parallel=${PARALLEL}`], { deadlineMs: DEADLINE_MS });
  if (exit.code !== 0) throw new Error(`The command failed.\n${exit.output}\n${pipeline.describe()}`);
  await pipeline.complete();
  return { ms: exit.durationMs, hits: hitsIn(exit.output) };
}

/** Nx says it in the last lines. */
const hitsIn = (output) => {
  const [, hits, all] = /for (\d+) out of (\d+) tasks/.exec(output) ?? [];
  return hits === undefined ? 'no hits' : `${hits} of ${all} tasks`;
};

/** Plain Nx on one machine, with as many tasks at a time as all agents together. */
class Alone {
  constructor(fleet) {
    this.fleet = fleet;
    this.machine = fleet.machine('alone', { ci: false, env: { CI: 'true', ...ENV } });
    this.kept = join(this.machine.folder, 'kept');
  }

  async fill() {
    await this.machine.run('git', ['checkout', '--quiet', '--detach', this.fleet.base]);
    await this.run();
    mkdirSync(this.kept);
    for (const name of ['nx-cache', 'nx-data']) this.copy(this.machine.folder, this.kept, name);
    await this.machine.run('git', ['checkout', '--quiet', '--detach', this.fleet.head]);
  }

  /** Only what the first pipeline has built is in its cache. */
  async warm() {
    this.machine.setAside(OUTPUTS);
    for (const name of ['nx-cache', 'nx-data']) this.copy(this.kept, this.machine.folder, name);
    return this.run();
  }

  copy(from, to, name) {
    cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
  }

  async run() {
    await idle(() => []);
    const exit = await this.machine.nx([...COMMAND, `--parallel=${AGENTS * PARALLEL}`], {
      deadlineMs: DEADLINE_MS,
    });
    if (exit.code !== 0) throw new Error(`The plain command failed.\n${exit.output}`);
    return { ms: exit.durationMs, hits: hitsIn(exit.output) };
  }
}

async function measure(bench, services, { runs, say }) {
  const { fleet } = bench;
  const main = { sha: fleet.base, ref: 'main', isProtected: true };
  for (const [store, service] of services) {
    const { ms, hits } = await distributed(bench, service, main);
    say(`  pipeline of main, store ${store}: ${ms.toFixed(0)} ms, ${hits}`);
  }
  const alone = new Alone(fleet);
  await alone.fill();
  const times = Object.fromEntries([...services.keys(), 'local'].map((name) => [name, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [store, service] of services)
      times[store].push(
        await distributed(bench, service, { sha: fleet.head, ref: `branch-${run}`, isProtected: false }),
      );
    times.local.push(await alone.warm());
  }
  const of = (name) => median(times[name].map(({ ms }) => ms));
  for (const [name, samples] of Object.entries(times))
    say(
      `  one project changed, ${name === 'local' ? "Nx's local cache" : `store ${name}`}: ${of(name).toFixed(0)} ms, ${samples.at(-1).hits}; ${samples.map(({ ms }) => ms.toFixed(0)).join(' ')} ms`,
    );
  return { warmRatio: of('coordinator') / of('none'), localRatio: of('coordinator') / of('local') };
}

/** @returns {Promise<{ warmRatio: number, localRatio: number }>} time with the store, divided by that without one and by that of plain Nx */
export async function pipelinesBench({ runs, say }) {
  const { Fleet, install, startFakeGitlab } = loadWorkspaceFactory();
  const wanted = demoInstall();
  const files = demoFiles();
  const installed = install({ ...wanted, tools: await installTools(wanted) });
  const fleet = Fleet.create({ install: installed, files, change: change(files), env: ENV });
  const gitlab = await startFakeGitlab({ projects: [{ id: Number(PROJECT) }] });
  const services = new Map();
  const bucket = new BucketServer();
  const parts = {
    close: async () => {
      for (const service of services.values()) await service.close();
      await bucket.close();
      await gitlab.close();
      await fleet.close();
    },
  };
  return withFleet(parts, async () => {
    const names = ['main', ...Array.from({ length: AGENTS }, (_, index) => `agent-${index + 1}`)];
    const machines = names.map((name) => fleet.machine(name));
    const program = machines[0].path('node_modules', '@org', 'dte', 'dist', 'cli', 'main.js');
    await bucket.start();
    for (const [store, envOf] of Object.entries(STORES)) {
      const service = new Service();
      services.set(store, service);
      await service.start(gitlab, program, envOf(bucket.url));
    }
    return measure({ fleet, gitlab, machines }, services, { runs, say });
  });
}
