import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createBrotliDecompress, createGunzip, gzip } from 'node:zlib';
import {
  type CacheAnswer,
  type CacheOrigin,
  type ForwardedEnv,
  type LimitValues,
  type RunSpec,
  type SessionCompletion,
  type SessionRecord,
  type SessionSettings,
  type SessionStatus,
  type ViewLink,
  HTTP,
  LIMITS,
  DteError,
  cacheAnswerSchema,
  cacheForgottenSchema,
  forwardedEnvSchema,
  type RunAccepted,
  runAcceptedSchema,
  runSpecSchema,
  sessionStatusSchema,
  viewLinkSchema,
  WITHOUT_HASHES,
} from '@org/dte-protocol';
import { withinLimit } from '../terminal';
import { type Stored, ArtifactTransfer } from './artifact-transfer';
import { type Download } from './download';
import { errorOfFailure } from './http-error';
import { parseAnswer } from './parse-answer';
import { readBody } from './request';
import { type HttpClientOptions, Sender } from './sender';
import { type Received } from './spool';

/** Identifies the archive of one attempt. */
export interface AttemptOf {
  readonly runId: string;
  readonly taskId: string;
  /** Starts at 1; 0 is what the main job has stored. */
  readonly attempt: number;
}

/** Hash -> which other pipeline has made the result; null: this session has. */
export type Held = ReadonlyMap<string, CacheOrigin | null>;

/**
 * The coordinator's HTTP endpoints (protocol/http.ts). Every method throws DteError. An artifact is verified against
 * what was stored before it is returned; otherwise DTE_ARTIFACT_DAMAGED.
 */
export interface HttpClient {
  /** Which of these hashes the coordinator holds; split into several requests if there are many. */
  askHeld(hashes: readonly string[]): Promise<Held>;
  /** Which of these hashes the coordinator holds, with the size in bytes of each. */
  askSizes(hashes: readonly string[]): Promise<Map<string, number>>;
  /** Stores the terminal output of a cached task; also succeeds if it exists already. */
  putTerminal(hash: string, text: string, signal?: AbortSignal): Promise<void>;
  /** @throws DteError DTE_UNKNOWN_HASH if nothing is stored */
  getTerminal(hash: string): Promise<string>;
  /**
   * An artifact in Nx's own format as a stream; read or destroy it.
   * @param how `ownOnly`: what another pipeline has made counts as missing
   * @throws DteError DTE_UNKNOWN_HASH if nothing is stored
   */
  getCached(hash: string, how?: { readonly ownOnly?: boolean }): Promise<Download>;
  /** Stores an artifact in Nx's own format, which is read once; tried once. `exists`: another one is kept. */
  putCached(hash: string, packed: Received): Promise<Stored>;
  /**
   * Stores the archive of one attempt, streaming. Pass a function so that it can be retried if the connection breaks.
   * `exists`: it was already stored and is kept.
   */
  putAttempt(of: AttemptOf, body: Readable | (() => Readable), signal?: AbortSignal): Promise<Stored>;
  /** The archive of one attempt as a stream; read or destroy it. */
  getAttempt(runId: string, taskId: string, attempt: number, signal?: AbortSignal): Promise<Download>;
  /** The same for readers of the beginning only: the coordinator has verified its copy. What is read must be verified: see `readTerminalOutput`. */
  getAttemptBeginning(runId: string, taskId: string, attempt: number): Promise<Download>;
  /** Its answer tells how long the tasks are expected to run. */
  submitRun(spec: RunSpec): Promise<RunAccepted>;
  getRun(runId: string): Promise<RunSpec>;
  /**
   * Like `getRun`, unparsed and streaming, to pass it on. Read or destroy it.
   * @param how `withoutHashes`: the hashes of its tasks may be null
   */
  getRunStream(runId: string, how?: { readonly withoutHashes: true }): Promise<Readable>;
  /** Sends the values of `forwardEnv` of a run (main job). */
  putRunEnv(runId: string, env: ForwardedEnv): Promise<void>;
  /** Returns those values (agents); waits for them within `retryForMs`. */
  getRunEnv(runId: string, signal?: AbortSignal): Promise<ForwardedEnv>;
  configure(settings: SessionSettings): Promise<void>;
  complete(completion?: SessionCompletion): Promise<void>;
  status(): Promise<SessionStatus>;
  record(record: SessionRecord): Promise<void>;
  /** Removes all that a pipeline of the project has stored in the shared cache (main job of a trusted pipeline). @returns how many entries */
  forget(pipelineId: string): Promise<number>;
  /** Sends a `ForwardedEvents` of @org/dte-report, as JSON. Tried once: nothing depends on it. */
  sendReportEvents(json: string, signal: AbortSignal): Promise<void>;
  /** A link to the live report of the session; its path is below the coordinator's address. Tried once. */
  viewLink(signal: AbortSignal): Promise<ViewLink>;
  /** Resolves when a coordinator answers at the address. */
  health(): Promise<void>;
  /** Ends idle sockets. */
  close(): void;
}

/** The content of a packed answer. Errors of either appear in the stream; destroying it ends the answer. */
function unpacked(answer: Readable, encoding: 'br' | 'gzip' = 'gzip'): Readable {
  const unpacker = encoding === 'br' ? createBrotliDecompress() : createGunzip();
  pipeline(answer, unpacker).catch(() => undefined);
  return unpacker;
}

export function httpClient(options: HttpClientOptions): HttpClient {
  return new CoordinatorClient(options);
}

class CoordinatorClient implements HttpClient {
  private readonly limits: LimitValues;
  private readonly sender: Sender;
  private readonly artifacts: ArtifactTransfer;

  constructor(options: HttpClientOptions) {
    this.limits = options.limits;
    this.sender = new Sender(options);
    this.artifacts = new ArtifactTransfer(this.sender, options);
  }

  async askHeld(hashes: readonly string[]): Promise<Held> {
    const found = new Map<string, CacheOrigin | null>();
    for (const { held, origins = [] } of await this.askInParts(hashes, { origins: true }))
      held.forEach((hash, index) => found.set(hash, origins[index] ?? null));
    return found;
  }

  async askSizes(hashes: readonly string[]): Promise<Map<string, number>> {
    const sizes = new Map<string, number>();
    for (const { held, bytes = [] } of await this.askInParts(hashes, { sizes: true }))
      held.forEach((hash, index) => sizes.set(hash, bytes[index] ?? 0));
    return sizes;
  }

  async putTerminal(hash: string, text: string, signal?: AbortSignal): Promise<void> {
    const packed = await promisify(gzip)(withinLimit(text, this.limits.terminalOutputBytes), { level: 1 });
    await this.artifacts.put(HTTP.terminal(hash), () => Readable.from([packed]), signal);
  }

  async getTerminal(hash: string): Promise<string> {
    const answer = await this.artifacts.get({ method: 'GET', path: HTTP.terminal(hash) });
    try {
      // A stream that is too long, or not gzip, ends here and not in memory.
      return await readBody(unpacked(answer), this.limits.terminalOutputBytes);
    } catch (thrown) {
      throw errorOfFailure(`GET ${HTTP.terminal(hash)}`, thrown);
    }
  }

  async getCached(hash: string, { ownOnly = false } = {}): Promise<Download> {
    // The answer to the request itself does not say who made the artifact; the session's own is never replaced by another.
    if (ownOnly && (await this.askHeld([hash])).get(hash) !== null)
      throw new DteError('DTE_UNKNOWN_HASH', `This pipeline has made nothing with the hash ${hash}.`);
    return this.artifacts.get({ method: 'GET', path: HTTP.cache(hash), direct: true });
  }

  putCached(hash: string, packed: Received): Promise<Stored> {
    return this.artifacts.putPacked(HTTP.cache(hash), packed);
  }

  putAttempt(of: AttemptOf, body: Readable | (() => Readable), signal?: AbortSignal): Promise<Stored> {
    return this.artifacts.put(HTTP.attempt(of.runId, of.taskId, of.attempt), body, signal);
  }

  getAttempt(runId: string, taskId: string, attempt: number, signal?: AbortSignal): Promise<Download> {
    return this.artifacts.get({ method: 'GET', path: HTTP.attempt(runId, taskId, attempt), signal });
  }

  getAttemptBeginning(runId: string, taskId: string, attempt: number): Promise<Download> {
    return this.artifacts.getUnchecked({ method: 'GET', path: HTTP.attempt(runId, taskId, attempt) });
  }

  async submitRun(spec: RunSpec): Promise<RunAccepted> {
    return parseAnswer(runAcceptedSchema, await this.sender.post(HTTP.runs, spec), 'the submission of a run');
  }

  async getRun(runId: string): Promise<RunSpec> {
    const answer = await this.getRunStream(runId);
    try {
      const json = await readBody(answer, this.limits.runSpecBytes);
      return parseAnswer(runSpecSchema, json, `the request for run ${runId}`);
    } catch (thrown) {
      throw errorOfFailure(`GET ${HTTP.run(runId)}`, thrown);
    }
  }

  /** A spec may be many megabytes, and every agent downloads it: it is sent packed. */
  async getRunStream(runId: string, how?: { readonly withoutHashes: true }): Promise<Readable> {
    const query = how === undefined ? '' : `?${new URLSearchParams(WITHOUT_HASHES).toString()}`;
    const path = `${HTTP.run(runId)}${query}`;
    const answer = await this.sender.send({ method: 'GET', path, takesPacked: true });
    const encoding = answer.headers['content-encoding'];
    return encoding === 'br' || encoding === 'gzip' ? unpacked(answer, encoding) : answer;
  }

  async putRunEnv(runId: string, env: ForwardedEnv): Promise<void> {
    await this.sender.text({ method: 'PUT', path: HTTP.runEnv(runId), body: JSON.stringify(env) });
  }

  async getRunEnv(runId: string, signal?: AbortSignal): Promise<ForwardedEnv> {
    const answer = await this.sender.text({ method: 'GET', path: HTTP.runEnv(runId), signal });
    return parseAnswer(forwardedEnvSchema, answer, `the request for the values of run ${runId}`);
  }

  async configure(settings: SessionSettings): Promise<void> {
    await this.sender.post(HTTP.sessionSettings, settings);
  }

  async complete(completion: SessionCompletion = {}): Promise<void> {
    await this.sender.post(HTTP.sessionComplete, completion);
  }

  async status(): Promise<SessionStatus> {
    const answer = await this.sender.text({ method: 'GET', path: HTTP.sessionStatus });
    return parseAnswer(sessionStatusSchema, answer, 'the request for the status');
  }

  async record(record: SessionRecord): Promise<void> {
    await this.sender.post(HTTP.records, record);
  }

  async forget(pipelineId: string): Promise<number> {
    const answer = await this.sender.post(HTTP.cacheForget, { pipelineId });
    return parseAnswer(cacheForgottenSchema, answer, 'the request to forget').forgotten;
  }

  async sendReportEvents(body: string, signal: AbortSignal): Promise<void> {
    await this.sender.text({ method: 'POST', path: HTTP.reportEvents, body, signal }, { once: true });
  }

  async viewLink(signal: AbortSignal): Promise<ViewLink> {
    const spec = { method: 'POST', path: HTTP.viewLink, body: '{}', signal } as const;
    return parseAnswer(
      viewLinkSchema,
      await this.sender.text(spec, { once: true }),
      'the request for a link',
    );
  }

  async health(): Promise<void> {
    await this.sender.text({ method: 'GET', path: HTTP.health }, { anonymous: true });
  }

  close(): void {
    this.sender.close();
    this.artifacts.close();
  }

  /** A coordinator of an earlier version refuses a question for origins, and has no results of other pipelines. */
  private async postQuestion(question: {
    readonly hashes: string[];
    readonly origins?: true;
  }): Promise<string> {
    try {
      return await this.sender.post(HTTP.cacheQuestion, question);
    } catch (thrown) {
      const { origins, ...plain } = question;
      if (origins !== true || DteError.from(thrown).code !== 'DTE_MALFORMED_MESSAGE') throw thrown;
      return this.sender.post(HTTP.cacheQuestion, plain);
    }
  }

  private async askInParts(
    hashes: readonly string[],
    more: { readonly sizes?: true; readonly origins?: true },
  ): Promise<CacheAnswer[]> {
    const answers: CacheAnswer[] = [];
    const size = LIMITS.hashesPerQuestion.value;
    const what = more.sizes === true ? 'the lookup of sizes' : 'the lookup of hashes';
    for (let from = 0; from < hashes.length; from += size) {
      const question = { ...more, hashes: hashes.slice(from, from + size) };
      const answer = parseAnswer(cacheAnswerSchema, await this.postQuestion(question), what);
      const { held, origins = held } = answer;
      // A missing entry would count as made by this session.
      if (origins.length !== held.length)
        throw new DteError('DTE_MALFORMED_MESSAGE', `The answer to ${what} names another number of origins.`);
      answers.push(answer);
    }
    return answers;
  }
}
