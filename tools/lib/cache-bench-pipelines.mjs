// Part of `npm run bench -- cache`: the demo workspace, built by a pipeline of main and then, with one project changed, by pipelines of
// branches: with each store, without one, and by plain Nx on one machine that has its local cache.
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Places, PROJECT } from './cache-bench-places.mjs';
import { installTools } from './demo-tools.mjs';
import { demoFiles, demoInstall } from './demo-workspace.mjs';
import { idle } from './idle.mjs';
import { loadWorkspaceFactory, withFleet } from './testing.mjs';
import { median } from './median.mjs';

const AGENTS = 2;
const PARALLEL = 2;
/** Every project is affected, as after an update of a dependency: what nobody has built must run, the rest is found. */
const COMMAND = ['affected', '--files=nx.json', '-t', 'lint,test,build,e2e-ci'];
const DEADLINE_MS = 900_000;
/** Without it, Nx refuses split targets such as e2e-ci. */
const ENV = { NX_SKIP_ATOMIZER_VALIDATION: 'true' };
const OUTPUTS = ['dist'];
/** One library, which one app and the tests of both use. */
function change(files) {
  const path = 'libs/search/src/index.ts';
  return {
    [path]: `${files[path]}\nexport const longest = (words: readonly string[]): number => Math.max(0, ...words.map(({ length }) => length));\n`,
  };
}

/** Numbers pipelines and their jobs. */
let pipelines = 1000;

/** A pipeline whose jobs prove with id tokens of the fake GitLab where they run. */
async function pipelineOf({ fleet, gitlab, machines }, place, { sha, ref, isProtected }) {
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
  const [main, ...agents] = machines;
  for (const machine of machines) {
    machine.setAside(OUTPUTS);
    await machine.run('git', ['checkout', '--quiet', '--detach', sha]);
  }
  const id = String(pipelines);
  const env = {
    ...ENV,
    CI_SERVER_URL: gitlab.url,
    CI_PROJECT_ID: PROJECT,
    CI_PIPELINE_ID: id,
    DTE_SESSION_ID: '',
    ...place.begin({ id, jobId: job(0).CI_JOB_ID, sha, ref }, main),
  };
  const pipeline = new Pipeline(fleet, main, { ...env, ...job(0) });
  await pipeline.startCiRun();
  agents.forEach((machine, index) => pipeline.startAgent(machine.name, { env: job(index + 1) }, machine));
  return pipeline;
}

async function distributed(bench, place, of) {
  const pipeline = await pipelineOf(bench, place, of);
  await idle(() => bench.fleet.runningProcesses().map(({ pid }) => pid));
  const exit = await pipeline.nx([...COMMAND, `--parallel=${PARALLEL}`], { deadlineMs: DEADLINE_MS });
  if (exit.code !== 0) throw new Error(`The command failed.\n${exit.output}\n${pipeline.describe()}`);
  await pipeline.complete();
  place.end(pipeline.main);
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

async function measure(bench, places, { runs, say }) {
  const { fleet } = bench;
  const main = { sha: fleet.base, ref: 'main', isProtected: true };
  for (const [store, place] of places) {
    const { ms, hits } = await distributed(bench, place, main);
    say(`  pipeline of main, store ${store}: ${ms.toFixed(0)} ms, ${hits}`);
  }
  const alone = new Alone(fleet);
  await alone.fill();
  const times = Object.fromEntries([...places.keys(), 'local'].map((name) => [name, []]));
  for (let run = 1; run <= runs; run++) {
    for (const [store, place] of places)
      times[store].push(
        await distributed(bench, place, { sha: fleet.head, ref: `branch-${run}`, isProtected: false }),
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
  const places = new Places();
  const parts = {
    close: async () => {
      await places.close();
      await gitlab.close();
      await fleet.close();
    },
  };
  return withFleet(parts, async () => {
    const names = ['main', ...Array.from({ length: AGENTS }, (_, index) => `agent-${index + 1}`)];
    const machines = names.map((name) => fleet.machine(name));
    const program = machines[0].path('node_modules', '@org', 'dte', 'dist', 'cli', 'main.js');
    await places.start(gitlab, program);
    return measure({ fleet, gitlab, machines }, places.all, { runs, say });
  });
}
