import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  DEFAULT_NX_VERSION,
  type FakeGitlab,
  Fleet,
  install,
  type Machine,
  Pipeline,
  type ProcessExit,
  type ProcessInfo,
  REPOSITORY,
  RunningProcess,
  SAMPLE_PROJECTS,
  SAMPLE_TARGET_DEFAULTS,
  sampleFiles,
  sampleNxJson,
  startFakeGitlab,
} from '@org/dte-testing';
import { expectExit } from './expect-exit';
import { LIGHT_NX } from './light-nx';
import { plain, ranOn } from './log';

const PROJECT = '42';
const BUCKET = 'ci-cache';
/** All tasks of the sample workspace, whatever a commit has changed. */
const EVERYTHING = ['run-many', '-t', 'lint,test,build', '--parallel=2', '--verbose'] as const;
/** Pipelines are asked for by the secret key that s3rver knows. */
const BUCKET_KEY = 'S3RVER';

/** Of which ref a pipeline is, as GitLab signs it. */
export interface RefClaims {
  readonly ref: string;
  readonly ref_path: string;
  readonly ref_protected: 'true' | 'false';
  readonly pipeline_source: string;
}

export const ofMain: RefClaims = {
  ref: 'main',
  ref_path: 'refs/heads/main',
  ref_protected: 'true',
  pipeline_source: 'push',
};

export const ofMergeRequest = (iid: number): RefClaims => ({
  ref: `refs/merge-requests/${iid}/head`,
  ref_path: `refs/merge-requests/${iid}/head`,
  ref_protected: 'false',
  pipeline_source: 'merge_request_event',
});

export interface PipelineOf {
  readonly claims: RefClaims;
  readonly sha: string;
  /** What somebody has done to the machines of this pipeline; no input of any task. */
  readonly prepare?: (machine: Machine) => void;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** Gets the output of the command while it runs. */
  readonly onOutput?: (text: string) => void;
  /** Other commands of the main job, before it ends. */
  readonly after?: (pipeline: Pipeline) => Promise<void>;
}

/** What one pipeline did. */
export interface PipelineResult {
  readonly id: string;
  /** Ids of the tasks that ran, sorted. */
  readonly ran: readonly string[];
  readonly exit: ProcessExit;
  /** Without colours. */
  readonly output: string;
  readonly main: Machine;
  readonly pipeline: Pipeline;
}

/** All tasks of the sample workspace. */
export const TASKS = Object.keys(SAMPLE_PROJECTS)
  .flatMap((project) => ['build', 'lint', 'test'].map((target) => `${project}:${target}`))
  .sort();
/** What the second commit affects: that of beta, on which shop depends. */
export const CHANGED = TASKS.filter((id) => /^(beta|shop):/.test(id));

/** Where the pipelines of a test find their coordinator and its store. */
export interface Place {
  /** Variables of every job. */
  readonly env: Readonly<Record<string, string>>;
  /** Packages of this repository that the machines need beside those of the fleet. */
  readonly packages?: readonly string[];
}

const ownFolder = (): string => realpathSync(mkdtempSync(join(tmpdir(), 'dte-e2e-')));

async function end(process: RunningProcess, signal: NodeJS.Signals): Promise<void> {
  if (!process.running) return;
  process.signalTree(signal);
  await process.end();
}

/** A standalone coordinator of its own folder, which can be stopped and started again. */
export class StandaloneCoordinator implements Place {
  readonly folder = ownFolder();
  private process: RunningProcess | null = null;
  private port = 0;

  constructor(
    private readonly program: string,
    private readonly args: readonly string[],
    private readonly moreEnv: Readonly<Record<string, string>> = {},
  ) {}

  get env(): Record<string, string> {
    return { DTE_COORDINATOR_URL: `http://127.0.0.1:${this.port}`, DTE_RENDEZVOUS_DIR: '' };
  }

  get log(): string {
    return this.process?.output() ?? '';
  }

  /** Where the disk store is. */
  get cacheFolder(): string {
    return join(this.folder, 'data', 'cache');
  }

  async start(): Promise<void> {
    const { PATH = '', HOME = '' } = process.env;
    this.process = new RunningProcess({
      name: 'coordinator',
      command: process.execPath,
      args: [
        this.program,
        'coordinator',
        `--port=${this.port}`,
        '--data-dir',
        join(this.folder, 'data'),
        ...this.args,
      ],
      // The AWS SDK is found from here.
      cwd: REPOSITORY,
      env: { PATH, HOME, ...this.moreEnv },
    });
    await this.process.waitForOutput(/coordinator on http:\S+:\d+/);
    this.port = Number(/coordinator on http:\S+:(\d+)/.exec(this.process.output())?.[1]);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.process !== null) await end(this.process, signal);
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The S3 server of the cache package's own tests, as a process. */
export class BucketServer {
  readonly folder = ownFolder();
  private readonly process = new RunningProcess({
    name: 's3',
    command: process.execPath,
    args: [
      '--openssl-legacy-provider',
      join(REPOSITORY, 'packages/cache/integration/s3-server.cjs'),
      this.folder,
      BUCKET,
      'obeys',
    ],
    cwd: REPOSITORY,
    env: process.env,
  });

  static async start(): Promise<BucketServer> {
    const server = new BucketServer();
    await server.process.waitForOutput(/listening on \d+/);
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${/listening on (\d+)/.exec(this.process.output())?.[1] ?? ''}`;
  }

  /** What a coordinator needs to use it. */
  get env(): Record<string, string> {
    return {
      DTE_CACHE: 's3',
      DTE_S3_BUCKET: BUCKET,
      DTE_S3_ENDPOINT: this.url,
      DTE_S3_ACCESS_KEY_ID: BUCKET_KEY,
      DTE_S3_SECRET_ACCESS_KEY: BUCKET_KEY,
    };
  }

  /** `GET /path?query` of each request so far. */
  async requests(): Promise<string[]> {
    const text = await (await fetch(`${this.url}/served`)).text();
    return text.split('\n').filter(Boolean);
  }

  async close(): Promise<void> {
    await end(this.process, 'SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Pipelines of one project, one after the other, each on new machines: only a shared cache connects them. */
export class SharedPipelines {
  private last = 1000;
  private readonly closers: (() => Promise<void>)[] = [];

  private constructor(
    readonly fleet: Fleet,
    readonly gitlab: FakeGitlab,
  ) {}

  static async create(): Promise<SharedPipelines> {
    const nxJson = sampleNxJson({ targetDefaults: SAMPLE_TARGET_DEFAULTS });
    const fleet = Fleet.create({
      install: install({ nx: DEFAULT_NX_VERSION }),
      files: sampleFiles(SAMPLE_PROJECTS, nxJson),
      change: { 'libs/beta/source.txt': 'beta, changed\n' },
      env: LIGHT_NX,
    });
    return new SharedPipelines(fleet, await startFakeGitlab({ projects: [{ id: Number(PROJECT) }] }));
  }

  /** Runs one pipeline from beginning to end. */
  async run(place: Place, options: PipelineOf): Promise<PipelineResult> {
    const { env = {}, args = [], onOutput, after } = options;
    this.fleet.clearJournal();
    const id = String((this.last += 1));
    const job = (number: number): Record<string, string> => this.jobEnv(id, number, options);
    const main = await this.machine(`${id}-main`, place, options);
    const agent = await this.machine(`${id}-agent`, place, options);
    const rendezvous = join(this.fleet.folder, `rendezvous-${id}`);
    mkdirSync(rendezvous);
    const pipeline = new Pipeline(this.fleet, main, {
      CI_SERVER_URL: this.gitlab.url,
      CI_PROJECT_ID: PROJECT,
      CI_PIPELINE_ID: id,
      DTE_SESSION_ID: '',
      DTE_RENDEZVOUS_DIR: rendezvous,
      ...place.env,
      ...env,
      ...job(0),
    });
    await pipeline.startCiRun();
    pipeline.startAgent(agent.name, { env: job(1) }, agent);
    const exit = await pipeline.nx([...EVERYTHING, ...args], onOutput === undefined ? {} : { onOutput });
    expectExit(exit, 0, pipeline);
    await after?.(pipeline);
    await pipeline.complete();
    const ran = Object.keys(ranOn(this.fleet.journal())).sort();
    return { id, ran, exit, output: plain(exit.output), main, pipeline };
  }

  /** Starts a coordinator that knows the issuer of the pipelines. It is closed with them. */
  async standalone(args: string[], env: Record<string, string> = {}): Promise<StandaloneCoordinator> {
    const program = this.fleet.machine('service').path('node_modules/@org/dte/dist/cli/main.js');
    const coordinator = new StandaloneCoordinator(program, [`--issuers=${this.gitlab.url}`, ...args], env);
    this.closers.push(() => coordinator.close());
    await coordinator.start();
    return coordinator;
  }

  /** Starts a server with an empty bucket. It is closed with the pipelines. */
  async bucket(): Promise<BucketServer> {
    const server = await BucketServer.start();
    this.closers.push(() => server.close());
    return server;
  }

  /** @returns processes that nobody waited for */
  async close(): Promise<ProcessInfo[]> {
    for (const close of this.closers.splice(0).reverse()) await close();
    await this.gitlab.close();
    return this.fleet.close();
  }

  /** Of one job: its number, and the token that says where it runs. */
  private jobEnv(pipelineId: string, number: number, { claims, sha }: PipelineOf): Record<string, string> {
    const job_id = `${pipelineId}${number}`;
    const token = this.gitlab.idToken({
      ...claims,
      sha,
      job_id,
      project_id: PROJECT,
      pipeline_id: pipelineId,
      job_project_id: PROJECT,
    });
    return { CI_JOB_ID: job_id, DTE_ID_TOKEN: token };
  }

  private async machine(name: string, { packages = [] }: Place, options: PipelineOf): Promise<Machine> {
    const machine = this.fleet.machine(name);
    const checkout = await machine.run('git', ['checkout', '--quiet', '--detach', options.sha]);
    if (checkout.code !== 0) throw new Error(checkout.output);
    for (const path of packages)
      symlinkSync(join(REPOSITORY, 'node_modules', path), machine.path('node_modules', path));
    options.prepare?.(machine);
    return machine;
  }
}
