import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Access, type FakeRole } from './access';
import { type Answer, type Call, NOT_FOUND, readCall, writeAnswer } from './answer';
import { type FakeClaims, FakeIssuer, type IdTokenOptions } from './issuer';
import { type FakePackage, FakePackageRegistry } from './package-registry';
import { type FakeArtifacts, type FakeJob, FakeJobStore } from './job-store';
import { JobsApi } from './jobs-api';
import { type FakeNote, NotesApi } from './notes-api';
import { PackagesApi } from './packages-api';
import { type FakePipeline, PipelinesApi } from './pipelines-api';
import { type Failure, failureAnswer, type FailureOptions, PlannedFailures } from './planned-failures';
import type { FakeProject } from './projects';
import { RefsApi } from './refs-api';
import { FakeSignIn } from './sign-in';

export interface FakeGitlabOptions {
  readonly projects: readonly FakeProject[];
  /** PEM of a key and its certificate: if set, the instance serves https. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Clock of the instance. */
  readonly now?: () => number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** One request, with its answer. */
export interface SeenRequest {
  readonly method: string;
  /** With its query, as received. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  /** 0 if there was no answer. */
  readonly status: number;
}

async function listen(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * The parts of a GitLab instance that distribution uses: a real HTTP server with discovery document, rotating keys,
 * generic packages, pipelines, jobs with their artifacts, and notes of merge requests. Nothing is throttled or broken unless a test requests it.
 */
export async function startFakeGitlab(options: FakeGitlabOptions): Promise<FakeGitlab> {
  const { tls, host = '127.0.0.1' } = options;
  // Nobody knows the address before the server can answer.
  const listener: Listener = (request, response) => gitlab.receive(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  // Another origin, as in production.
  const objectStorage = createServer(listener);
  const url = `${tls === undefined ? 'http' : 'https'}://${host}:${await listen(server, host)}`;
  const storageUrl = `http://${host}:${await listen(objectStorage, host)}`;
  const gitlab = new FakeGitlab(options, { url, storageUrl, servers: [server, objectStorage] });
  return gitlab;
}

/** See `startFakeGitlab`. */
export class FakeGitlab {
  /** CI_SERVER_URL; also the issuer of its id tokens. */
  readonly url: string;
  /** Where people sign in. */
  readonly signIn: FakeSignIn;
  private readonly seen: SeenRequest[] = [];
  private readonly failures = new PlannedFailures();
  private readonly access = new Access();
  private readonly issuerOfTokens: FakeIssuer;
  private readonly registry: FakePackageRegistry;
  private readonly packagesApi: PackagesApi;
  private readonly pipelines: PipelinesApi;
  private readonly notesApi: NotesApi;
  private readonly refs: RefsApi;
  private readonly jobs: FakeJobStore;
  private readonly jobsApi: JobsApi;

  private readonly projects: readonly FakeProject[];

  constructor(
    { projects, now = Date.now }: FakeGitlabOptions,
    private readonly at: { url: string; storageUrl: string; servers: readonly Server[] },
  ) {
    const { url, storageUrl } = at;
    const { access } = this;
    const projectOf = (id: string): FakeProject | undefined =>
      projects.find((project) => String(project.id) === id);
    this.url = url;
    this.projects = projects;
    this.issuerOfTokens = new FakeIssuer(url, now);
    this.signIn = new FakeSignIn(this.issuerOfTokens, now);
    this.registry = new FakePackageRegistry(now);
    this.pipelines = new PipelinesApi(access, projectOf);
    this.notesApi = new NotesApi(access, projectOf);
    this.refs = new RefsApi(access, projectOf);
    const { pipelines } = this;
    const store = new FakeJobStore((id) => pipelines.byId(id), now);
    this.jobs = store;
    const pipelineOf = (jobId: number): number | null => store.find(jobId)?.pipeline.id ?? null;
    this.packagesApi = new PackagesApi({
      storageUrl,
      access,
      registry: this.registry,
      projectOf,
      pipelineOf,
    });
    this.jobsApi = new JobsApi({ access, store, pipelines, storageUrl, projectOf });
  }

  get issuer(): string {
    return this.url;
  }

  /** CI_API_V4_URL */
  get apiUrl(): string {
    return `${this.url}/api/v4`;
  }

  /** CI_JOB_TOKEN of a job. `role`: of the user whose pipeline it is, default developer (who may not delete packages). */
  jobToken(projectId: number | string, jobId: number | string, role: FakeRole = 'developer'): string {
    return this.access.jobToken(Number(projectId), String(jobId), role);
  }

  /** A project's access token with scope `read_api`, for the header PRIVATE-TOKEN. Default role: developer. */
  accessToken(projectId: number | string, role: FakeRole = 'developer'): string {
    return this.access.accessToken(Number(projectId), role);
  }

  /** Invalidates the job token of this job. */
  endJob(jobId: number | string): void {
    this.access.endJob(String(jobId));
  }

  idToken(claims: FakeClaims, options?: IdTokenOptions): string {
    return this.issuerOfTokens.idToken(claims, options);
  }

  /** Signs with a new key from now on; earlier tokens stay valid only with `keepOld`. */
  rotateKeys(keepOld?: boolean): void {
    this.issuerOfTokens.rotateKeys(keepOld);
  }

  packages(): readonly FakePackage[] {
    return this.registry.all();
  }

  /** A pipeline with the id of another one replaces it. */
  addPipeline(pipeline: FakePipeline): void {
    this.pipelines.add(pipeline);
  }

  endPipeline(id: number, status: FakePipeline['status']): void {
    const pipeline = this.pipelines.byId(id);
    if (pipeline !== undefined) this.pipelines.add({ ...pipeline, status });
  }

  /** @throws Error if it was not added */
  jobOf(id: number): FakeJob {
    const found = this.jobs.find(id);
    if (found === undefined) throw new Error(`There is no job ${id}.`);
    return found.job;
  }

  /** A job with the id of another one replaces it. Its pipeline must have been added. */
  addJob(job: FakeJob): void {
    this.jobs.add(job);
  }

  /**
   * What a runner does at the end of a job.
   * @returns 413 if the archive is larger than the project permits: there is none then
   */
  uploadArtifacts(
    jobId: number | string,
    files: FakeArtifacts,
    { expireInMs = null }: { expireInMs?: number | null } = {},
  ): 201 | 413 {
    const pipeline = this.jobs.find(Number(jobId))?.pipeline;
    const maxBytes = this.projects.find(({ id }) => id === pipeline?.projectId)?.artifactBytes;
    const limit = maxBytes === undefined ? {} : { maxBytes };
    return this.jobs.upload(Number(jobId), files, { expireInMs, ...limit });
  }

  /** Whether a job has artifacts now. */
  hasArtifacts(jobId: number | string): boolean {
    return this.jobs.archiveOf(Number(jobId)) !== undefined;
  }

  /** A note of somebody else. */
  addNote(note: Omit<FakeNote, 'id'>): void {
    this.notesApi.add(note);
  }

  notes(): readonly FakeNote[] {
    return this.notesApi.all();
  }

  requests(): readonly SeenRequest[] {
    return this.seen;
  }

  /** The next `times` requests whose path contains `path` fail like this. A 429 has `retry-after: 1` by default. */
  failNext(failure: Failure, options?: FailureOptions): void {
    this.failures.add(failure, options);
  }

  async close(): Promise<void> {
    await Promise.all(this.at.servers.map(close));
  }

  /** The handlers of the servers. */
  receive(request: IncomingMessage, response: ServerResponse): void {
    // A client that disconnects during its request must not affect the others.
    this.respond(request, response).catch(() => request.socket.destroy());
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? '/';
    const note = (status: number): void =>
      void this.seen.push({ method: request.method ?? 'GET', target, headers: request.headers, status });
    const plan = this.failures.take(target);
    const failure = plan === null ? null : plan.failure;
    if (failure === 'hang' || failure === 'reset') {
      note(0);
      if (failure === 'reset') request.socket.destroy();
      return;
    }
    const call = await readCall(request);
    const answer =
      plan === null || failure === null ? this.answerTo(call) : failureAnswer(failure, plan.headers);
    note(answer.status);
    writeAnswer(response, answer);
  }

  private answerTo(call: Call): Answer {
    const job = call.path === '/api/v4/job' ? this.jobsApi.enrich(this.access.currentJob(call)) : null;
    return (
      job ??
      this.issuerOfTokens.answer(call.path) ??
      this.signIn.answer(call) ??
      this.jobsApi.answer(call) ??
      this.refs.answer(call) ??
      this.packagesApi.answer(call) ??
      this.pipelines.answer(call) ??
      this.notesApi.answer(call) ??
      NOT_FOUND
    );
  }
}
