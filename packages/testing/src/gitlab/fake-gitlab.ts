import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Access, type FakeRole } from './access';
import { type Answer, type Call, NOT_FOUND, readCall, writeAnswer } from './answer';
import { type FakeClaims, FakeIssuer, type IdTokenOptions } from './issuer';
import { type FakePackage, FakePackageRegistry } from './package-registry';
import { PackagesApi } from './packages-api';
import { type FakePipeline, PipelinesApi } from './pipelines-api';
import type { FakeProject } from './projects';

export interface FakeGitlabOptions {
  readonly projects: readonly FakeProject[];
  /** PEM of a key and its certificate: then the instance speaks https. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Clock of the instance. */
  readonly now?: () => number;
  /** Default 127.0.0.1. */
  readonly host?: string;
}

/** One request that came in, with what it was answered. */
export interface SeenRequest {
  readonly method: string;
  /** With its query, as it was sent. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  /** 0 where there was no answer. */
  readonly status: number;
}

/** What becomes of a request instead of an answer. */
export type Failure = number | 'reset' | 'hang';

export interface FakeGitlab {
  /** CI_SERVER_URL; also the issuer of its id tokens. */
  readonly url: string;
  readonly issuer: string;
  /** CI_API_V4_URL */
  readonly apiUrl: string;
  /** CI_JOB_TOKEN of a job. `role`: of the person whose pipeline it is, default developer (who may not delete packages). */
  jobToken(projectId: number | string, jobId: number | string, role?: FakeRole): string;
  /** A project's access token with scope `read_api`, for the header PRIVATE-TOKEN. Default role: developer. */
  accessToken(projectId: number | string, role?: FakeRole): string;
  /** The job token of this job is worth nothing from now on. */
  endJob(jobId: number | string): void;
  idToken(claims: FakeClaims, options?: IdTokenOptions): string;
  /** Signs with a new key from now on; tokens signed before are good only with `keepOld`. */
  rotateKeys(keepOld?: boolean): void;
  packages(): readonly FakePackage[];
  addPipeline(pipeline: FakePipeline): void;
  requests(): readonly SeenRequest[];
  /** The next `times` requests (whose path has `path` in it) fail so. A 429 says `retry-after: 1` unless told otherwise. */
  failNext(
    failure: Failure,
    options?: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly times?: number;
      readonly path?: string;
    },
  ): void;
  close(): Promise<void>;
}

interface PlannedFailure {
  readonly failure: Failure;
  readonly headers: Readonly<Record<string, string>>;
  readonly path: string;
  left: number;
}

const failureAnswer = (status: number, headers: Readonly<Record<string, string>>): Answer =>
  status === 429
    ? { status, headers: { 'retry-after': '1', ...headers }, body: 'Retry later\n' }
    : { status, headers, body: { message: `${status} (planned by the test)` } };

async function listen(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

/**
 * A GitLab instance as far as distribution uses one: a real HTTP server with discovery document, rotating keys, generic
 * packages and pipelines. Nothing is throttled or broken unless a test says so.
 */
export async function startFakeGitlab(options: FakeGitlabOptions): Promise<FakeGitlab> {
  const { tls, now = Date.now, host = '127.0.0.1' } = options;
  const seen: SeenRequest[] = [];
  const planned: PlannedFailure[] = [];

  const planFor = (target: string): PlannedFailure | null => {
    const plan = planned.find(({ left, path }) => left > 0 && target.includes(path));
    if (plan === undefined) return null;
    plan.left--;
    return plan;
  };

  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = request.url ?? '/';
    const note = (status: number): void =>
      void seen.push({ method: request.method ?? 'GET', target, headers: request.headers, status });
    const plan = planFor(target);
    const failure = plan === null ? null : plan.failure;
    if (failure === 'hang' || failure === 'reset') {
      note(0);
      if (failure === 'reset') request.socket.destroy();
      return;
    }
    const call = await readCall(request);
    const answer = plan === null || failure === null ? answerOf(call) : failureAnswer(failure, plan.headers);
    note(answer.status);
    writeAnswer(response, answer);
  };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    // A client that goes away in the middle of its request is no business of the others.
    onRequest(request, response).catch(() => request.socket.destroy());
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  // Another origin, as it is in life.
  const objectStorage = createServer(listener);
  const url = `${tls === undefined ? 'http' : 'https'}://${host}:${await listen(server, host)}`;
  const storageUrl = `http://${host}:${await listen(objectStorage, host)}`;

  const access = new Access();
  const issuer = new FakeIssuer(url, now);
  const registry = new FakePackageRegistry(now);
  const projectOf = (id: string): FakeProject | undefined =>
    options.projects.find((project) => String(project.id) === id);
  const packagesApi = new PackagesApi({ storageUrl, access, registry, projectOf });
  const pipelines = new PipelinesApi(access, projectOf);
  const answerOf = (call: Call): Answer =>
    (call.path === '/api/v4/job' ? access.currentJob(call) : null) ??
    issuer.answer(call.path) ??
    packagesApi.answer(call) ??
    pipelines.answer(call) ??
    NOT_FOUND;

  return {
    url,
    issuer: url,
    apiUrl: `${url}/api/v4`,
    jobToken: (projectId, jobId, role = 'developer') =>
      access.jobToken(Number(projectId), String(jobId), role),
    accessToken: (projectId, role = 'developer') => access.accessToken(Number(projectId), role),
    endJob: (jobId) => access.endJob(String(jobId)),
    idToken: (claims, idTokenOptions) => issuer.idToken(claims, idTokenOptions),
    rotateKeys: (keepOld) => issuer.rotateKeys(keepOld),
    packages: () => registry.all(),
    addPipeline: (pipeline) => pipelines.add(pipeline),
    requests: () => seen,
    failNext: (failure, { headers = {}, times = 1, path = '' } = {}) =>
      void planned.push({ failure, headers, path, left: times }),
    close: async () => {
      await Promise.all([server, objectStorage].map(close));
    },
  };
}
