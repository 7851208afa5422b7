import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { sessionIdOf } from '@org/dte-identity';
import {
  decode,
  DteError,
  forwardedEnvSchema,
  HTTP,
  type LimitValues,
  LIMITS,
  recordSchema,
  sessionSettingsSchema,
} from '@org/dte-protocol';
import { unauthorized } from '../auth/token';
import type { SessionRegistry } from '../session/registry';
import type { Session } from '../session/session';
import { readBody } from './body';
import type { Call, Endpoint } from './endpoint';
import { runIdOf } from './path-ids';

const SETTINGS_BYTES = 1024 * 1024;
/** A terminal's escape sequences double in JSON, and more. */
const RECORD_JSON_BYTES = LIMITS.recordBytes.value * 2;

const unknownRun = ({ name }: Session, runId: string): DteError =>
  new DteError('DTE_UNKNOWN_RUN', `Session ${name} has no run ${runId}.`);

const takesGzip = ({ request }: Call): boolean =>
  request.headers['accept-encoding']?.split(/[,;\s]+/).includes('gzip') === true;

/** Runs and everything about the session itself. */
export function sessionEndpoints(registry: SessionRegistry, limits: LimitValues): Endpoint[] {
  const sessionOf = async ({ claims: { sessionId } }: Call): Promise<Session> => {
    const session = await registry.find(sessionId);
    if (session === null)
      throw unauthorized(`The session ${sessionIdOf(sessionId)} of this token no longer exists.`);
    return session;
  };
  const sessionWithRun = async (call: Call, runId: string): Promise<Session> => {
    const session = await sessionOf(call);
    if (!session.knowsRun(runId)) throw unknownRun(session, runId);
    return session;
  };
  const textOf = async ({ request }: Call, maxBytes: number, what: string): Promise<string> =>
    (await readBody(request.raw, maxBytes, what)).toString('utf8');

  return [
    {
      method: 'POST',
      path: HTTP.runs,
      roles: ['main'],
      handle: async (call) => {
        const session = await sessionOf(call);
        const raw = await readBody(
          call.request.raw,
          limits.runSpecBytes,
          'The run (limit runSpecBytes, DTE_MAX_RUN_BYTES)',
        );
        return { runId: await session.submit(raw) };
      },
    },
    {
      method: 'GET',
      path: HTTP.run(':runId'),
      roles: ['agent', 'main'],
      handle: async (call) => {
        const runId = runIdOf(call);
        const session = await sessionWithRun(call, runId);
        const found = await session.runs.open(runId);
        if (found === null) throw unknownRun(session, runId);
        const reply = call.reply.type('application/json');
        if (takesGzip(call))
          return reply
            .header('content-encoding', 'gzip')
            .header('content-length', found.bytes)
            .send(found.body);
        return reply.send(pipeline(found.body, createGunzip(), () => undefined));
      },
    },
    {
      method: 'PUT',
      path: HTTP.runEnv(':runId'),
      roles: ['main'],
      handle: async (call) => {
        const runId = runIdOf(call);
        const session = await sessionWithRun(call, runId);
        const maxBytes = limits.forwardedEnvBytes;
        const text = await textOf(call, maxBytes, 'The values of forwardEnv (limit forwardedEnvBytes)');
        session.forwardedEnv.put(runId, decode(forwardedEnvSchema, text, maxBytes));
        return {};
      },
    },
    {
      method: 'GET',
      path: HTTP.runEnv(':runId'),
      // Nobody else needs to read them, not even the one who said them.
      roles: ['agent'],
      handle: async (call) => {
        const runId = runIdOf(call);
        const { forwardedEnv } = await sessionWithRun(call, runId);
        call.reply.header('cache-control', 'no-store');
        return forwardedEnv.get(runId);
      },
    },
    {
      method: 'POST',
      path: HTTP.sessionSettings,
      roles: ['main'],
      handle: async (call) => {
        const session = await sessionOf(call);
        const text = await textOf(call, SETTINGS_BYTES, 'The settings');
        await session.configure(decode(sessionSettingsSchema, text, SETTINGS_BYTES));
        return {};
      },
    },
    {
      method: 'POST',
      path: HTTP.sessionComplete,
      roles: ['main'],
      handle: async (call) => {
        await (await sessionOf(call)).complete();
        return {};
      },
    },
    {
      method: 'GET',
      path: HTTP.sessionStatus,
      roles: ['main', 'observer'],
      handle: async (call) => (await sessionOf(call)).status(),
    },
    {
      method: 'POST',
      path: HTTP.records,
      roles: ['main'],
      handle: async (call) => {
        const session = await sessionOf(call);
        const text = await textOf(call, RECORD_JSON_BYTES, 'The recorded command');
        await session.record(decode(recordSchema, text, RECORD_JSON_BYTES));
        return {};
      },
    },
  ];
}
