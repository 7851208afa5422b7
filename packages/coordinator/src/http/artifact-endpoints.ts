import { sessionIdOf } from '@org/dte-identity';
import {
  type CacheAnswer,
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

type AttemptKey = Extract<ArtifactKey, { kind: 'attempt' }>;

const ROLES = ['agent', 'main'] as const;
const ATTEMPT_PATH = '/v1/runs/:runId/attempts/:taskId/:attempt';

/** A hash of maximum length, quoted, with its comma: a part of the limit `hashesPerQuestion`. */
const BYTES_PER_HASH = 131;

export interface ArtifactDeps {
  readonly artifacts: ArtifactStore;
  readonly registry: SessionRegistry;
  readonly limits: LimitValues;
  readonly logger: Logger;
}

const toHeader = (sha256: string): string => digestHeaderOf(Buffer.from(sha256, 'hex').toString('base64'));

/** Digest of what the sender intends to send, in hex; null if not announced. */
function announcedSha256({ request }: Call): string | null {
  const header = request.headers[DIGEST_HEADER];
  const base64 = typeof header === 'string' ? sha256OfHeader(header) : null;
  return base64 === null ? null : Buffer.from(base64, 'base64').toString('hex');
}

/** Nx's self-hosted cache contract, the batch query, and the second namespace by run, task and attempt. */
export function artifactEndpoints(deps: ArtifactDeps): Endpoint[] {
  const artifacts = new ArtifactHandlers(deps);
  return [
    ...hashEndpoints(artifacts, 'cache', HTTP.cache(':hash'), 'artifact'),
    ...hashEndpoints(artifacts, 'terminal', HTTP.terminal(':hash'), 'terminal output'),
    ...attemptEndpoints(artifacts),
    {
      method: 'POST',
      path: HTTP.cacheQuestion,
      roles: ROLES,
      handle: (call) => artifacts.whichAreHeld(call),
    },
  ];
}

/** @param what name of the artifact in messages */
function hashEndpoints(
  artifacts: ArtifactHandlers,
  kind: 'cache' | 'terminal',
  path: string,
  what: string,
): Endpoint[] {
  const missing = (call: Call): DteError =>
    new DteError('DTE_UNKNOWN_HASH', `There is no ${what} for hash ${call.param('hash')}.`);
  return [
    {
      method: 'PUT',
      path,
      roles: ROLES,
      handle: (call) => artifacts.store(cacheKeyOf(call, kind), call),
    },
    {
      method: 'GET',
      path,
      roles: ROLES,
      handle: (call) => artifacts.send(cacheKeyOf(call, kind), call, () => missing(call)),
    },
    {
      method: 'POST',
      path: HTTP.check(path),
      roles: ROLES,
      handle: (call) => artifacts.check(cacheKeyOf(call, kind), call),
    },
  ];
}

function attemptEndpoints(artifacts: ArtifactHandlers): Endpoint[] {
  return [
    {
      method: 'PUT',
      path: ATTEMPT_PATH,
      roles: ROLES,
      handle: (call) => artifacts.storeAttempt(attemptKeyOf(call), call),
    },
    {
      method: 'GET',
      path: ATTEMPT_PATH,
      roles: ROLES,
      handle: (call) => {
        const key = attemptKeyOf(call);
        return artifacts.send(key, call, () => missingAttempt(key));
      },
    },
    {
      method: 'POST',
      path: HTTP.check(ATTEMPT_PATH),
      roles: ROLES,
      handle: (call) => artifacts.check(attemptKeyOf(call), call),
    },
  ];
}

const missingAttempt = ({ runId, taskId, attempt }: AttemptKey): DteError =>
  new DteError(
    'DTE_ARTIFACT_MISSING',
    `There is no artifact for attempt ${attempt} of task ${taskId} in run ${runId}.`,
  );

class ArtifactHandlers {
  constructor(private readonly deps: ArtifactDeps) {}

  async store(key: ArtifactKey, call: Call): Promise<FastifyReply> {
    const { artifacts, registry, limits } = this.deps;
    const { claims, request, reply } = call;
    await requireOwn(registry, claims, key);
    const { sha256 } = await artifacts.put(key, request.raw, {
      expectedBytes: announcedBytes(request.raw),
      expectedSha256: announcedSha256(call),
      maxBytes: limits.artifactBytes,
    });
    return reply.code(200).header(DIGEST_HEADER, toHeader(sha256)).send();
  }

  /**
   * Rejects artifacts of runs that do not exist, because the folder would grow with them. Only the main job uploads
   * before its run exists: hits of its own cache that pending tasks need (attempt 0).
   */
  async storeAttempt(key: AttemptKey, call: Call): Promise<FastifyReply> {
    const isSupplied = call.claims.role === 'main' && key.attempt === 0;
    if (!isSupplied) await this.requireRun(key);
    return this.store(key, call);
  }

  async send(key: ArtifactKey, { reply }: Call, missing: () => DteError): Promise<FastifyReply> {
    const found = await this.deps.artifacts.get(key);
    if (found === null) throw missing();
    return reply
      .type('application/octet-stream')
      .header('content-length', found.bytes)
      .header('etag', `"${found.sha256}"`)
      .header(DIGEST_HEADER, toHeader(found.sha256))
      .send(found.body);
  }

  async check(key: ArtifactKey, { claims }: Call): Promise<{ state: string }> {
    const state = await this.deps.artifacts.check(key);
    if (state === 'removed') {
      const session = sessionIdOf(claims.sessionId);
      this.deps.logger.warn(
        { session, by: claims.role },
        `The artifact for ${describeKey(key)} was damaged; it is removed.`,
      );
    }
    return { state };
  }

  async whichAreHeld({ claims: { sessionId }, request }: Call): Promise<CacheAnswer> {
    const { artifacts } = this.deps;
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
  }

  private async requireRun({ sessionId, runId }: AttemptKey): Promise<void> {
    const session = await this.deps.registry.find(sessionId);
    if (session?.knowsRun(runId) !== true)
      throw new DteError('DTE_UNKNOWN_RUN', `Session ${sessionIdOf(sessionId)} has no run ${runId}.`);
  }
}
