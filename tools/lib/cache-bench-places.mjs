// Where the pipelines of `npm run bench -- cache` find their coordinator, and where that keeps what pipelines share.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment } from './clean-environment.mjs';
import { root } from './packages.mjs';
import { loadWorkspaceFactory } from './testing.mjs';

export const PROJECT = '42';
const BUCKET = 'ci-cache';
/** What a standalone coordinator needs in its environment for a store; `none` is what the others are compared with. */
const STANDALONE = {
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
    const [, url] = /coordinator on (http:\S+:\d+)/.exec(this.process.output());
    this.env = { DTE_COORDINATOR_URL: url, DTE_RENDEZVOUS_DIR: '' };
  }

  /** @returns the environment of all jobs of a pipeline */
  begin() {
    return this.env;
  }

  /** The pipeline has ended. */
  end() {}

  async close() {
    if (this.process?.running) {
      this.process.signalTree('SIGTERM');
      await this.process.end();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The folder of a main job with what it keeps for later pipelines. */
const KEPT = '.nx/dte/cache';
const MAIN_JOB = 'main';

/** A coordinator in each main job, whose artifacts the fake GitLab keeps: its answers take no time, as opposed to those of an instance. */
class JobArtifacts {
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-cache-'));

  constructor(gitlab) {
    this.gitlab = gitlab;
  }

  begin({ id, jobId, sha, ref }, main) {
    const { gitlab } = this;
    const pipelineId = Number(id);
    gitlab.addPipeline({
      id: pipelineId,
      projectId: Number(PROJECT),
      ref,
      sha,
      source: 'push',
      status: 'running',
    });
    this.job = { id: Number(jobId), pipelineId, name: MAIN_JOB, status: 'running' };
    gitlab.addJob(this.job);
    const rendezvous = join(this.folder, id);
    mkdirSync(rendezvous);
    return {
      DTE_CACHE: 'gitlab-artifacts',
      DTE_RENDEZVOUS_DIR: rendezvous,
      DTE_GITLAB_TOKEN: gitlab.accessToken(PROJECT, 'reporter'),
      CI_API_V4_URL: gitlab.apiUrl,
      CI_JOB_TOKEN: gitlab.jobToken(PROJECT, jobId),
      CI_JOB_NAME: MAIN_JOB,
      CI_DEFAULT_BRANCH: 'main',
      CI_PROJECT_DIR: main.workspace,
    };
  }

  /** What a runner does after the job. */
  end(main) {
    const { artifactsOf } = loadWorkspaceFactory();
    const { job, gitlab } = this;
    gitlab.addJob({ ...job, status: 'success' });
    gitlab.endPipeline(job.pipelineId, 'success');
    gitlab.endJob(job.id);
    const status = gitlab.uploadArtifacts(job.id, artifactsOf(main.workspace, KEPT));
    if (status !== 201) throw new Error(`GitLab does not take the artifacts of the main job: ${status}`);
  }

  close() {
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

/** One place for each store, by its name. */
export class Places {
  all = new Map();
  bucket = new BucketServer();

  /** @param program the executable of `dte` */
  async start(gitlab, program) {
    await this.bucket.start();
    for (const [store, envOf] of Object.entries(STANDALONE)) {
      const service = new Service();
      this.all.set(store, service);
      await service.start(gitlab, program, envOf(this.bucket.url));
    }
    this.all.set('gitlab-artifacts', new JobArtifacts(gitlab));
  }

  async close() {
    for (const place of this.all.values()) await place.close();
    await this.bucket.close();
  }
}
