import { pipeline, Readable } from 'node:stream';
import { constants, createBrotliDecompress, createGunzip, createGzip } from 'node:zlib';
import { sessionIdOf } from '@org/dte-identity';
import {
  decode,
  DteError,
  type ForwardedEnv,
  forwardedEnvSchema,
  HTTP,
  type LimitValues,
  LIMITS,
  recordSchema,
  type RunAccepted,
  sessionCompletionSchema,
  sessionSettingsSchema,
  type SessionStatus,
  WITHOUT_HASHES,
} from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import { unauthorized } from '../auth/token';
import type { SessionRegistry } from '../session/registry';
import type { Session } from '../session/session';
import type { SharedResults } from '../shared/shared-results';
import { readBody } from './body';
import type { Call, Endpoint } from './endpoint';
import { runIdOf, takes } from './path-ids';

const SETTINGS_BYTES = LIMITS.settingsBytes.value;
/** JSON at least doubles the escape sequences of a terminal. */
const RECORD_JSON_BYTES = LIMITS.recordBytes.value * 2;

const unpackerOf = (encoding: 'br' | 'gzip') =>
  encoding === 'br' ? createBrotliDecompress() : createGunzip();

const unknownRun = ({ name }: Session, runId: string): DteError =>
  new DteError('DTE_UNKNOWN_RUN', `Session ${name} has no run ${runId}.`);

/**
 * Runs and everything about the session itself.
 * @param flushed what a main job waits for that says that it is done; null: nothing
 */
export function sessionEndpoints(
  registry: SessionRegistry,
  limits: LimitValues,
  flushed: SharedResults | null,
): Endpoint[] {
  const session = new SessionHandlers(registry, limits, flushed);
  return [
    { method: 'POST', path: HTTP.runs, roles: ['main'], handle: (call) => session.submitRun(call) },
    {
      method: 'GET',
      path: HTTP.run(':runId'),
      roles: ['agent', 'main'],
      handle: (call) => session.sendRun(call),
    },
    {
      method: 'PUT',
      path: HTTP.runEnv(':runId'),
      roles: ['main'],
      handle: (call) => session.putForwardedEnv(call),
    },
    {
      method: 'GET',
      path: HTTP.runEnv(':runId'),
      // No other client needs to read them, not even the one that sent them.
      roles: ['agent'],
      handle: (call) => session.forwardedEnv(call),
    },
    {
      method: 'POST',
      path: HTTP.sessionSettings,
      roles: ['main'],
      handle: (call) => session.configure(call),
    },
    {
      method: 'POST',
      path: HTTP.sessionComplete,
      roles: ['main'],
      handle: (call) => session.complete(call),
    },
    {
      method: 'GET',
      path: HTTP.sessionStatus,
      roles: ['main', 'observer'],
      handle: (call) => session.status(call),
    },
    { method: 'POST', path: HTTP.records, roles: ['main'], handle: (call) => session.record(call) },
  ];
}

class SessionHandlers {
  constructor(
    private readonly registry: SessionRegistry,
    private readonly limits: LimitValues,
    private readonly flushed: SharedResults | null,
  ) {}

  async submitRun(call: Call): Promise<RunAccepted> {
    const session = await this.sessionOf(call);
    const raw = await readBody(
      call.request.raw,
      this.limits.runSpecBytes,
      'The run (limit runSpecBytes, DTE_MAX_RUN_BYTES)',
    );
    return session.submit(raw);
  }

  /** The bytes as they were received, packed for clients that accept that. */
  async sendRun(call: Call): Promise<FastifyReply> {
    const runId = runIdOf(call);
    const session = await this.sessionWithRun(call, runId);
    const lean = asksWithoutHashes(call) ? await session.runs.lean.of(runId) : null;
    const packed =
      lean === null ? await session.runs.packed(runId) : { encoding: 'br' as const, bytes: lean };
    if (packed === null) throw unknownRun(session, runId);
    const { encoding, bytes } = packed;
    const reply = call.reply.type('application/json');
    if (takes(call, encoding)) return reply.header('content-encoding', encoding).send(bytes);
    const raw = pipeline(Readable.from([bytes]), unpackerOf(encoding), () => undefined);
    if (!takes(call, 'gzip')) return reply.send(raw);
    // An agent of version 0.1.0 at a newer coordinator.
    const gzip = createGzip({ level: constants.Z_BEST_SPEED });
    return reply.header('content-encoding', 'gzip').send(pipeline(raw, gzip, () => undefined));
  }

  async putForwardedEnv(call: Call): Promise<object> {
    const runId = runIdOf(call);
    const session = await this.sessionWithRun(call, runId);
    const maxBytes = this.limits.forwardedEnvBytes;
    const text = await textOf(call, maxBytes, 'The values of forwardEnv (limit forwardedEnvBytes)');
    session.forwardedEnv.put(runId, decode(forwardedEnvSchema, text, maxBytes));
    return {};
  }

  async forwardedEnv(call: Call): Promise<ForwardedEnv> {
    const runId = runIdOf(call);
    const { forwardedEnv } = await this.sessionWithRun(call, runId);
    call.reply.header('cache-control', 'no-store');
    return forwardedEnv.get(runId);
  }

  async configure(call: Call): Promise<object> {
    const session = await this.sessionOf(call);
    const text = await textOf(call, SETTINGS_BYTES, 'The settings');
    await session.configure(decode(sessionSettingsSchema, text, SETTINGS_BYTES));
    return {};
  }

  async complete(call: Call): Promise<object> {
    const session = await this.sessionOf(call);
    const text = await textOf(call, SETTINGS_BYTES, 'The completion');
    const { writesNote } = decode(sessionCompletionSchema, text === '' ? '{}' : text, SETTINGS_BYTES);
    if (writesNote === true) this.registry.leaveNoteToMain(session.id);
    await session.complete();
    // The job may end with this command, and everything in its container with it. The client waits `httpRequestMs` for an answer.
    const { cacheFlushMs, httpRequestMs } = this.limits;
    await this.flushed?.flush(Math.min(cacheFlushMs, httpRequestMs / 2));
    return {};
  }

  async status(call: Call): Promise<SessionStatus> {
    return (await this.sessionOf(call)).status();
  }

  async record(call: Call): Promise<object> {
    const session = await this.sessionOf(call);
    const text = await textOf(call, RECORD_JSON_BYTES, 'The recorded command');
    await session.record(decode(recordSchema, text, RECORD_JSON_BYTES));
    return {};
  }

  private async sessionOf({ claims: { sessionId } }: Call): Promise<Session> {
    const session = await this.registry.find(sessionId);
    if (session === null)
      throw unauthorized(`The session ${sessionIdOf(sessionId)} of this token no longer exists.`);
    return session;
  }

  private async sessionWithRun(call: Call, runId: string): Promise<Session> {
    const session = await this.sessionOf(call);
    if (!session.knowsRun(runId)) throw unknownRun(session, runId);
    return session;
  }
}

const asksWithoutHashes = ({ request }: Call): boolean =>
  Reflect.get(Object(request.query), 'hashes') === WITHOUT_HASHES.hashes;

const textOf = async ({ request }: Call, maxBytes: number, what: string): Promise<string> =>
  (await readBody(request.raw, maxBytes, what)).toString('utf8');
