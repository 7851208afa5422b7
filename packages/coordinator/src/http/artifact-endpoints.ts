import { sessionIdOf } from '@org/dte-identity';
import {
  cacheQuestionSchema,
  decode,
  DIGEST_HEADER,
  digestHeaderOf,
  DteError,
  HTTP,
  LIMITS,
  type LimitValues,
  sha256OfHeader,
} from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { type ArtifactKey, type ArtifactStore, describeKey } from '../artifacts/artifact-store';
import type { SessionRegistry } from '../session/registry';
import { announcedBytes, readBody } from './body';
import type { Call, Endpoint } from './endpoint';
import { requireOwn } from './own-artifacts';
import { attemptKeyOf, cacheKeyOf } from './path-ids';

/** A hash of the longest kind, quoted, with its comma. */
const BYTES_PER_HASH = 131;

export interface ArtifactDeps {
  readonly artifacts: ArtifactStore;
  readonly registry: SessionRegistry;
  readonly limits: LimitValues;
  readonly logger: Logger;
}

const toHeader = (sha256: string): string => digestHeaderOf(Buffer.from(sha256, 'hex').toString('base64'));

/** What the sender means to send, in hex; null when it did not say. */
function announcedSha256({ request }: Call): string | null {
  const header = request.headers[DIGEST_HEADER];
  const base64 = typeof header === 'string' ? sha256OfHeader(header) : null;
  return base64 === null ? null : Buffer.from(base64, 'base64').toString('hex');
}

/** Nx's self-hosted cache contract, the batch question, and the second namespace by run, task and attempt. */
export function artifactEndpoints({ artifacts, registry, limits, logger }: ArtifactDeps): Endpoint[] {
  const store = async (key: ArtifactKey, call: Call): Promise<FastifyReply> => {
    const { claims, request, reply } = call;
    await requireOwn(registry, claims, key);
    const expected = { expectedBytes: announcedBytes(request.raw), expectedSha256: announcedSha256(call) };
    const { sha256 } = await artifacts.put(key, request.raw, { ...expected, maxBytes: limits.artifactBytes });
    return reply.code(200).header(DIGEST_HEADER, toHeader(sha256)).send();
  };

  const send = async (key: ArtifactKey, { reply }: Call, missing: () => DteError): Promise<FastifyReply> => {
    const found = await artifacts.get(key);
    if (found === null) throw missing();
    return reply
      .type('application/octet-stream')
      .header('content-length', found.bytes)
      .header('etag', `"${found.sha256}"`)
      .header(DIGEST_HEADER, toHeader(found.sha256))
      .send(found.body);
  };

  const check = async (key: ArtifactKey, { claims }: Call): Promise<{ state: string }> => {
    const state = await artifacts.check(key);
    if (state === 'removed') {
      const session = sessionIdOf(claims.sessionId);
      logger.warn(
        { session, by: claims.role },
        `The artifact for ${describeKey(key)} was damaged; it is removed.`,
      );
    }
    return { state };
  };

  const requireRun = async (sessionId: string, runId: string): Promise<void> => {
    const session = await registry.find(sessionId);
    if (session?.knowsRun(runId) !== true)
      throw new DteError('DTE_UNKNOWN_RUN', `Session ${sessionIdOf(sessionId)} has no run ${runId}.`);
  };

  const roles = ['agent', 'main'] as const;
  const cachePath = HTTP.cache(':hash');
  const terminalPath = HTTP.terminal(':hash');
  const attemptPath = '/v1/runs/:runId/attempts/:taskId/:attempt';
  return [
    { method: 'PUT', path: cachePath, roles, handle: (call) => store(cacheKeyOf(call), call) },
    {
      method: 'GET',
      path: cachePath,
      roles,
      handle: (call) => {
        const key = cacheKeyOf(call);
        return send(
          key,
          call,
          () => new DteError('DTE_UNKNOWN_HASH', `There is no artifact for hash ${call.param('hash')}.`),
        );
      },
    },
    {
      method: 'PUT',
      path: terminalPath,
      roles,
      handle: (call) => store(cacheKeyOf(call, 'terminal'), call),
    },
    {
      method: 'GET',
      path: terminalPath,
      roles,
      handle: (call) => {
        const message = `There is no terminal output for hash ${call.param('hash')}.`;
        return send(cacheKeyOf(call, 'terminal'), call, () => new DteError('DTE_UNKNOWN_HASH', message));
      },
    },
    { method: 'POST', path: HTTP.check(cachePath), roles, handle: (call) => check(cacheKeyOf(call), call) },
    {
      method: 'POST',
      path: HTTP.check(terminalPath),
      roles,
      handle: (call) => check(cacheKeyOf(call, 'terminal'), call),
    },
    {
      method: 'POST',
      path: HTTP.check(attemptPath),
      roles,
      handle: (call) => check(attemptKeyOf(call), call),
    },
    {
      method: 'POST',
      path: HTTP.cacheQuestion,
      roles,
      handle: async ({ claims: { sessionId }, request }) => {
        const maxBytes = LIMITS.hashesPerQuestion.value * BYTES_PER_HASH + 1024;
        const body = await readBody(request.raw, maxBytes, 'The lookup');
        const { hashes, sizes } = decode(cacheQuestionSchema, body.toString('utf8'), maxBytes);
        const keyOf = (hash: string): ArtifactKey => ({ kind: 'cache', sessionId, hash });
        if (sizes === true) {
          const bytes = await Promise.all(hashes.map((hash) => artifacts.bytesOf(keyOf(hash))));
          const held = hashes.filter((_, index) => bytes[index] !== null);
          return { held, bytes: bytes.filter((each) => each !== null) };
        }
        const held = await Promise.all(hashes.map((hash) => artifacts.has(keyOf(hash))));
        return { held: hashes.filter((_, index) => held[index]) };
      },
    },
    {
      method: 'PUT',
      path: attemptPath,
      roles,
      handle: async (call) => {
        const key = attemptKeyOf(call);
        // What nobody asked for is not kept: the folder would grow with runs that do not exist. Only the main job
        // supplies something ahead of its run: what its own cache has and pending tasks need (attempt 0).
        const supplied = call.claims.role === 'main' && key.attempt === 0;
        if (!supplied) await requireRun(key.sessionId, key.runId);
        return store(key, call);
      },
    },
    {
      method: 'GET',
      path: attemptPath,
      roles,
      handle: (call) => {
        const key = attemptKeyOf(call);
        const { runId, taskId, attempt } = key;
        return send(
          key,
          call,
          () =>
            new DteError(
              'DTE_ARTIFACT_MISSING',
              `There is no artifact for attempt ${attempt} of task ${taskId} in run ${runId}.`,
            ),
        );
      },
    },
  ];
}
