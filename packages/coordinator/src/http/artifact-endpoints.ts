import { sessionIdOf } from '@org/dte-identity';
import {
  type CacheAnswer,
  cacheQuestionSchema,
  decode,
  DIGEST_HEADER,
  DIRECT_HEADER,
  DteError,
  HTTP,
  LIMITS,
  type LimitValues,
  sha256OfHeader,
} from '@org/dte-protocol';
import type { FastifyReply } from 'fastify';
import type { Logger } from 'pino';
import { type ArtifactKey, type ArtifactStore, describeKey } from '../artifacts/artifact-store';
import type { StagedArtifacts } from '../artifacts/staged-artifacts';
import type { Claims } from '../auth/token';
import type { Meter } from '../metrics/meter';
import type { SessionRegistry } from '../session/registry';
import { originOf, type SharedResults } from '../shared/shared-results';
import { announcedBytes, readBody } from './body';
import { answerAtOnce, hexDigestHeader, sendArtifact } from './send-artifact';
import type { Call, Endpoint, ReaderCall } from './endpoint';
import { noteUpload } from './note-upload';
import { requireOwn } from './own-artifacts';
import { attemptKeyOf, cacheKeyOf, hashOf } from './path-ids';
import {
  checkShared,
  openShared,
  sendShared,
  type SharedArtifact,
  type SharedReader,
} from './shared-artifacts';

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
  /** Null: this coordinator has no shared cache. */
  readonly shared: SharedResults | null;
  /** Null: all artifacts of sessions are here. */
  readonly staged: StagedArtifacts | null;
  readonly meter: Meter | null;
}

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
  const missing = (call: Pick<Call, 'param'>): DteError =>
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
      ...(kind === 'cache'
        ? { handleReader: (call) => artifacts.sendToReader(call, () => missing(call)) }
        : {}),
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
    const attempts = await requireOwn(registry, claims, key);
    const receipt = await artifacts.put(key, request.raw, {
      expectedBytes: announcedBytes(request.raw),
      expectedSha256: announcedSha256(call),
      maxBytes: limits.artifactBytes,
    });
    if (key.kind !== 'attempt' && this.deps.shared !== null)
      await noteUpload(registry, { key, receipt, claims, attempts, staged: null });
    return answerAtOnce(reply, { [DIGEST_HEADER]: hexDigestHeader(receipt.sha256), 'content-length': 0 });
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

  async send(key: ArtifactKey, call: Call, missing: () => DteError): Promise<FastifyReply> {
    const elsewhere = await this.elsewhere(key, call);
    if (elsewhere !== null) return sendShared(call.reply, elsewhere);
    const found = await this.deps.artifacts.get(key);
    if (found !== null) return sendArtifact(call.reply, found);
    if (key.kind === 'attempt') throw missing();
    return this.sendShared(key, { ...call, grant: call.claims.grant }, missing);
  }

  /** For people who only read the shared cache: no session is theirs. */
  sendToReader(call: ReaderCall, missing: () => DteError): Promise<FastifyReply> {
    return this.sendShared({ kind: 'cache', hash: hashOf(call) }, call, missing);
  }

  private async sendShared(
    key: Pick<Extract<ArtifactKey, { hash: string }>, 'kind' | 'hash'>,
    { reply, ...reader }: SharedReader & { readonly reply: FastifyReply },
    missing: () => DteError,
  ): Promise<FastifyReply> {
    const { shared, meter } = this.deps;
    const opened = await openShared(shared, key, reader);
    if (opened === null) throw missing();
    if (opened.at === 'here') meter?.transferred('sent', opened.artifact.bytes);
    return sendShared(reply, opened);
  }

  /** Null: the reader does not read elsewhere, or it is here. */
  private async elsewhere(key: ArtifactKey, { request }: Call): Promise<SharedArtifact | null> {
    const found =
      request.headers[DIRECT_HEADER] === undefined ? null : await this.deps.staged?.elsewhere(key);
    return found == null ? null : { at: 'elsewhere', address: found.address, entry: found };
  }

  async check(key: ArtifactKey, { claims }: Call): Promise<{ state: string }> {
    const state = await this.deps.artifacts.check(key);
    if (state === 'absent' && key.kind !== 'attempt')
      return { state: await checkShared(this.deps.shared, key, claims.grant) };
    if (state === 'removed') {
      const session = sessionIdOf(claims.sessionId);
      this.deps.logger.warn(
        { session, by: claims.role },
        `The artifact for ${describeKey(key)} was damaged; it is removed.`,
      );
    }
    return { state };
  }

  /** What the session has stored, then what the caller finds in the shared cache. */
  async whichAreHeld({ claims, request }: Call): Promise<CacheAnswer> {
    const maxBytes = LIMITS.hashesPerQuestion.value * BYTES_PER_HASH + 1024;
    const body = await readBody(request.raw, maxBytes, 'The lookup');
    const { hashes, sizes, origins } = decode(cacheQuestionSchema, body.toString('utf8'), maxBytes);
    const own = await this.sizesOf(hashes, claims, sizes === true);
    const names = hashes.filter((hash) => !own.has(hash)).map((hash) => ({ kind: 'cache' as const, hash }));
    const found = (await this.deps.shared?.find(claims.grant, names)) ?? [];
    const others = new Map(
      found.flatMap((each) => (each === null ? [] : [[each.entry.hash, each] as const])),
    );
    const held = hashes.filter((hash) => own.has(hash) || others.has(hash));
    const bytes = held.map((hash) => own.get(hash) ?? others.get(hash)?.entry.bytes ?? 0);
    const made = held.map((hash) => others.get(hash) ?? null);
    return {
      held,
      ...(sizes === true ? { bytes } : {}),
      ...(origins === true ? { origins: made.map((each) => (each === null ? null : originOf(each))) } : {}),
    };
  }

  /** The hashes that the session has stored, with their sizes; 0 if they were not asked for. */
  private async sizesOf(
    hashes: readonly string[],
    { sessionId }: Claims,
    withSizes: boolean,
  ): Promise<Map<string, number>> {
    const { artifacts } = this.deps;
    const sizes = await Promise.all(
      hashes.map(async (hash): Promise<number | null> => {
        const key: ArtifactKey = { kind: 'cache', sessionId, hash };
        if (withSizes) return artifacts.bytesOf(key);
        return (await artifacts.has(key)) ? 0 : null;
      }),
    );
    return new Map(
      hashes.flatMap((hash, index) => {
        const bytes = sizes[index] ?? null;
        return bytes === null ? [] : [[hash, bytes] as const];
      }),
    );
  }

  private async requireRun({ sessionId, runId }: AttemptKey): Promise<void> {
    const session = await this.deps.registry.find(sessionId);
    if (session?.knowsRun(runId) !== true)
      throw new DteError('DTE_UNKNOWN_RUN', `Session ${sessionIdOf(sessionId)} has no run ${runId}.`);
  }
}
