import { type IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';
import {
  type ForwardedEnv,
  type LimitValues,
  type RunSpec,
  type SessionRecord,
  type SessionSettings,
  type SessionStatus,
  DteError,
  HTTP,
  LIMITS,
  cacheAnswerSchema,
  checkAnswerSchema,
  forwardedEnvSchema,
  runAcceptedSchema,
  runSpecSchema,
  sessionStatusSchema,
} from '@org/dte-protocol';
import { type z } from 'zod';
import { withinLimit } from '../terminal';
import { uniformBackoff } from '../connection/backoff';
import { type Checked, type Download, download } from './download';
import { errorOfFailure } from './http-error';
import { type RequestSpec, createTransport, readBody, request } from './request';
import { hashedUpload } from './upload';

export interface HttpClientOptions {
  /** `http(s)://host:port` of the coordinator, or the newest one known. */
  readonly url: string | (() => string);
  /** Bearer token of the newest welcome. */
  readonly token: () => string;
  readonly limits: LimitValues;
  /** Requests that fail with a `retry` code (no answer, timeout, 503) are tried again for so long; default 0. */
  readonly retryForMs?: number | undefined;
}

/**
 * The coordinator's HTTP endpoints (protocol/http.ts). Every method throws DteError. What comes of an artifact is what was
 * stored, checked before it is handed out; else DTE_ARTIFACT_DAMAGED.
 */
export interface HttpClient {
  /** Which of these hashes the coordinator holds; asks in several questions when there are many. */
  askHeld(hashes: readonly string[]): Promise<Set<string>>;
  /** As `askHeld`, with the size in bytes of each. */
  askSizes(hashes: readonly string[]): Promise<Map<string, number>>;
  /** Stores what a cached task printed; done as well when somebody has before. */
  putTerminal(hash: string, text: string, signal?: AbortSignal): Promise<void>;
  /** @throws DteError DTE_UNKNOWN_HASH when nobody has stored it */
  getTerminal(hash: string): Promise<string>;
  /** An artifact in Nx's own format as a stream; read or destroy it. */
  getCached(hash: string): Promise<Download>;
  /**
   * Stores the archive of one attempt, streaming. Give a function to have it tried again when the connection breaks.
   * `exists`: it was stored before and is kept.
   */
  putAttempt(
    runId: string,
    taskId: string,
    attempt: number,
    body: Readable | (() => Readable),
    signal?: AbortSignal,
  ): Promise<'stored' | 'exists'>;
  /** The archive of one attempt as a stream; read or destroy it. */
  getAttempt(runId: string, taskId: string, attempt: number, signal?: AbortSignal): Promise<Download>;
  /**
   * The same for who reads its beginning only: the coordinator has read it again and found it good, nothing is checked here.
   */
  getAttemptBeginning(runId: string, taskId: string, attempt: number): Promise<Download>;
  submitRun(spec: RunSpec): Promise<void>;
  getRun(runId: string): Promise<RunSpec>;
  /** As `getRun`, unparsed and streaming: for handing on. Read or destroy it. */
  getRunStream(runId: string): Promise<Readable>;
  /** Says the values of `forwardEnv` of a run (main job). */
  putRunEnv(runId: string, env: ForwardedEnv): Promise<void>;
  /** Those values (agents); waits for them within `retryForMs`. */
  getRunEnv(runId: string, signal?: AbortSignal): Promise<ForwardedEnv>;
  configure(settings: SessionSettings): Promise<void>;
  complete(): Promise<void>;
  status(): Promise<SessionStatus>;
  record(record: SessionRecord): Promise<void>;
  /** Resolves when a coordinator answers at the address. */
  health(): Promise<void>;
  /** Ends idle sockets. */
  close(): void;
}

const isAborted = (spec: RequestSpec): boolean => spec.signal?.aborted === true;

const ANSWER_BYTES = 64 * 1024 * 1024;

/** What is in a gzipped answer. An error of either shows in the stream; destroying it ends the answer. */
function unpacked(answer: Readable): Readable {
  const gunzip = createGunzip();
  pipeline(answer, gunzip).catch(() => undefined);
  return gunzip;
}

function parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new DteError('DTE_MALFORMED_MESSAGE', `${what} was answered with something that is not JSON.`, {
      cause,
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new DteError('DTE_MALFORMED_MESSAGE', `The answer to ${what} does not fit the protocol.`, {
    cause: parsed.error,
  });
}

export function httpClient(options: HttpClientOptions): HttpClient {
  const { limits, retryForMs = 0 } = options;
  const currentUrl = (): string => (typeof options.url === 'string' ? options.url : options.url());
  let transport = { url: '', ...createTransport('http:', limits.httpIdleMs) };

  /** A function as address may name another coordinator later: sockets to the old one are of no use. */
  function transportTo(url: string): typeof transport {
    if (transport.url !== url) {
      transport.agent.destroy();
      transport = { url, ...createTransport(url, limits.httpIdleMs) };
    }
    return transport;
  }

  async function send(spec: RequestSpec, authorized = true, repeatable = true): Promise<IncomingMessage> {
    const deadline = Date.now() + (repeatable ? retryForMs : 0);
    const backoff = uniformBackoff(limits.reconnectMinMs, limits.reconnectMaxMs);
    for (let tries = 1; ; tries++) {
      try {
        const url = currentUrl();
        return await request(
          transportTo(url),
          url,
          authorized ? options.token() : null,
          limits.httpRequestMs,
          spec,
        );
      } catch (thrown) {
        const error = DteError.from(thrown);
        if (isAborted(spec) || !repeatable) throw error;
        // A kept socket that the other side closed meanwhile: one try on a fresh one is always due.
        const reset = error.code === 'DTE_NO_COORDINATOR' && tries === 1;
        const waitMs = reset ? 0 : backoff.nextMs();
        if (
          !reset &&
          (error.code === 'DTE_UNKNOWN_HASH' || error.severity !== 'retry' || Date.now() + waitMs > deadline)
        ) {
          throw error;
        }
        await delay(waitMs, undefined, spec.signal === undefined ? {} : { signal: spec.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  async function text(spec: RequestSpec, maxBytes = ANSWER_BYTES, authorized = true): Promise<string> {
    const answer = await send(spec, authorized);
    try {
      return await readBody(answer, maxBytes);
    } catch (thrown) {
      throw errorOfFailure(`${spec.method} ${spec.path}`, thrown);
    }
  }
  /** The coordinator goes on with what it reads for a question that was given up, and the next one waits for the same. */
  async function check(path: string): Promise<Checked> {
    for (let tries = 1; ; tries++) {
      const beginMs = Date.now();
      try {
        const answer = await post(HTTP.check(path), {});
        return parse(checkAnswerSchema, answer, 'the question for a check').state;
      } catch (thrown) {
        const { code } = DteError.from(thrown);
        // Whoever is not there at all has been asked for `retryForMs`, and no longer.
        const isCut = code === 'DTE_NO_COORDINATOR' && Date.now() - beginMs > retryForMs;
        const isLate = code === 'DTE_TIMEOUT' || isCut;
        if (!isLate || tries >= LIMITS.artifactCheckTries.value) throw thrown;
      }
    }
  }
  const checked = (spec: RequestSpec): Promise<Download> => download({ send, check, limits }, spec);
  async function unchecked(spec: RequestSpec): Promise<Download> {
    if ((await check(spec.path)) === 'removed') {
      const message = `The artifact at ${spec.path} is damaged; the coordinator has removed it.`;
      throw new DteError('DTE_ARTIFACT_DAMAGED', message);
    }
    const answer = await send(spec);
    const length = Number(answer.headers['content-length']);
    return Object.assign(answer, { bytes: Number.isSafeInteger(length) ? length : null });
  }
  /** What is there already is kept and as good: keys are immutable. */
  async function put(
    path: string,
    body: Readable | (() => Readable),
    signal: AbortSignal | undefined,
  ): Promise<'stored' | 'exists'> {
    const repeatable = typeof body === 'function';
    const upload = hashedUpload(repeatable ? body : () => body);
    const spec: RequestSpec = {
      ...{ method: 'PUT', path, body: upload.body },
      ...{ contentType: 'application/octet-stream', signal },
    };
    try {
      const answer = await send(spec, true, repeatable);
      answer.resume();
      upload.check(path, answer);
      return 'stored';
    } catch (thrown) {
      if (thrown instanceof DteError && thrown.code === 'DTE_ARTIFACT_EXISTS') return 'exists';
      throw thrown;
    }
  }
  /** A spec may have many megabytes, and every agent fetches it: it travels gzipped. */
  async function runStream(runId: string): Promise<Readable> {
    const answer = await send({ method: 'GET', path: HTTP.run(runId), takesGzip: true });
    return answer.headers['content-encoding'] === 'gzip' ? unpacked(answer) : answer;
  }
  const post = (path: string, body: unknown): Promise<string> =>
    text({ method: 'POST', path, body: JSON.stringify(body) });

  return {
    async askHeld(hashes) {
      const held = new Set<string>();
      const size = LIMITS.hashesPerQuestion.value;
      for (let from = 0; from < hashes.length; from += size) {
        const answer = await post(HTTP.cacheQuestion, { hashes: hashes.slice(from, from + size) });
        for (const hash of parse(cacheAnswerSchema, answer, 'the question for hashes').held) held.add(hash);
      }
      return held;
    },
    async askSizes(hashes) {
      const sizes = new Map<string, number>();
      const size = LIMITS.hashesPerQuestion.value;
      for (let from = 0; from < hashes.length; from += size) {
        const question = { hashes: hashes.slice(from, from + size), sizes: true };
        const answer = await post(HTTP.cacheQuestion, question);
        const { held, bytes = [] } = parse(cacheAnswerSchema, answer, 'the question for sizes');
        held.forEach((hash, index) => sizes.set(hash, bytes[index] ?? 0));
      }
      return sizes;
    },
    async putTerminal(hash, output, signal) {
      const packed = await promisify(gzip)(withinLimit(output, limits.terminalOutputBytes), { level: 1 });
      await put(HTTP.terminal(hash), () => Readable.from([packed]), signal);
    },
    async getTerminal(hash) {
      const answer = await checked({ method: 'GET', path: HTTP.terminal(hash) });
      try {
        // A stream that is too long, or no gzip, ends here and not in memory.
        return await readBody(unpacked(answer), limits.terminalOutputBytes);
      } catch (thrown) {
        throw errorOfFailure(`GET ${HTTP.terminal(hash)}`, thrown);
      }
    },
    getCached: (hash) => checked({ method: 'GET', path: HTTP.cache(hash) }),
    putAttempt: (runId, taskId, attempt, body, signal) =>
      put(HTTP.attempt(runId, taskId, attempt), body, signal),
    getAttempt: (runId, taskId, attempt, signal) =>
      checked({ method: 'GET', path: HTTP.attempt(runId, taskId, attempt), signal }),
    getAttemptBeginning: (runId, taskId, attempt) =>
      unchecked({ method: 'GET', path: HTTP.attempt(runId, taskId, attempt) }),
    async submitRun(spec) {
      parse(runAcceptedSchema, await post(HTTP.runs, spec), 'the submission of a run');
    },
    async getRun(runId) {
      const answer = await runStream(runId);
      try {
        const json = await readBody(answer, limits.runSpecBytes);
        return parse(runSpecSchema, json, `the question for run ${runId}`);
      } catch (thrown) {
        throw errorOfFailure(`GET ${HTTP.run(runId)}`, thrown);
      }
    },
    getRunStream: runStream,
    async putRunEnv(runId, env) {
      await text({ method: 'PUT', path: HTTP.runEnv(runId), body: JSON.stringify(env) });
    },
    getRunEnv: async (runId, signal) =>
      parse(
        forwardedEnvSchema,
        await text({ method: 'GET', path: HTTP.runEnv(runId), signal }),
        `the question for the values of run ${runId}`,
      ),
    async configure(settings) {
      await post(HTTP.sessionSettings, settings);
    },
    async complete() {
      await post(HTTP.sessionComplete, {});
    },
    status: async () =>
      parse(
        sessionStatusSchema,
        await text({ method: 'GET', path: HTTP.sessionStatus }),
        'the question for the status',
      ),
    async record(record) {
      await post(HTTP.records, record);
    },
    async health() {
      await text({ method: 'GET', path: HTTP.health }, ANSWER_BYTES, false);
    },
    close: () => transport.agent.destroy(),
  };
}
