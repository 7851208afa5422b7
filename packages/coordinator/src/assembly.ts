import type { Socket } from 'node:net';
import { GuardedCache } from '@org/dte-cache';
import { issuerAsInTokens, sessionIdOf } from '@org/dte-identity';
import { DteError, type ErrorCode } from '@org/dte-protocol';
import { loadOf } from '@org/dte-scheduler';
import type { FastifyInstance } from 'fastify';
import type { ArtifactStore } from './artifacts/artifact-store';
import { FileArtifactStore } from './artifacts/file-artifact-store';
import { StagedArtifacts } from './artifacts/staged-artifacts';
import { CacheReaders } from './auth/cache-readers';
import { isLoopbackHost } from './auth/loopback';
import { PipelineDoor } from './auth/pipeline-door';
import { SignIn } from './auth/sign-in';
import { boundKey, loadTokenKey, TokenIssuer } from './auth/token';
import { TrustDomain } from './auth/trust-domain';
import { evictionLog } from './door/eviction-log';
import { FailedHandshakes } from './door/failed-handshakes';
import { Strangers } from './door/strangers';
import { FileDurationHistory } from './history/file-durations';
import { FileTaskHistory } from './history/file-history';
import { roomForConnections } from './http/descriptors';
import type { EndpointDeps } from './http/endpoint';
import type { Readiness } from './http/readiness';
import { createHttpServer } from './http/server';
import { TlsFiles } from './http/tls-files';
import { FileJournalStore } from './journal/file-journal';
import { MeteredArtifacts } from './metrics/metered-artifacts';
import { type MeteredSession, Metrics } from './metrics/metrics';
import { type ResolvedOptions, sessionsFolder } from './options';
import { Notices } from './shared/notices';
import { SharedResults } from './shared/shared-results';
import { SessionNotes } from './report/session-notes';
import { SessionRegistry } from './session/registry';
import type { Session } from './session/session';
import { RefusedStrangers } from './session/refused-strangers';
import { isOwnHost } from './ui/own-host';
import { addUi } from './ui/ui-routes';
import { Gatekeeper } from './ws/gatekeeper';
import { Gateway } from './ws/gateway';

/** The stores on disk, and the sessions that use them. */
export interface Stores {
  readonly artifacts: ArtifactStore;
  /** `artifacts`, if jobs may put some of them into a bucket themselves; null: all of them are sent here. */
  readonly staged: StagedArtifacts | null;
  readonly history: FileTaskHistory;
  readonly durations: FileDurationHistory;
  readonly registry: SessionRegistry;
  /** Null if nobody can read them. */
  readonly metrics: Metrics | null;
  /** Null: nobody writes any. */
  readonly notes: SessionNotes | null;
  /** Null: sessions share nothing. */
  readonly shared: SharedResults | null;
}

export function openStores(options: ResolvedOptions): Stores {
  const { dataDir, fs, limits, now, logger } = options;
  const root = sessionsFolder(options);
  const journals = new FileJournalStore(root, { fs, fsync: options.fsync ?? false });
  const historyDir = options.historyDir ?? `${dataDir}/history`;
  const onDamage = (message: string): void => logger.warn(message);
  const history = new FileTaskHistory(historyDir, { limits, fs, onDamage });
  const durations = new FileDurationHistory(historyDir, { limits, fs, onDamage });
  const onSessionFinished = options.onSessionFinished ?? (() => undefined);
  const metrics: Metrics | null =
    options.metrics === undefined ? null : new Metrics(() => registry.current().map(metered));
  const notes = notesOf(options);
  const shared = sharedOf(options, metrics);
  const files = new FileArtifactStore(root, fs);
  const staged = stagedOf(files, shared, options);
  const artifacts = staged ?? files;
  const registry: SessionRegistry = new SessionRegistry({
    root,
    fs,
    journals,
    artifacts,
    history,
    durations,
    limits,
    now,
    logger,
    onSessionFinished: (sessionKey) => {
      void shared?.flush();
      onSessionFinished(sessionIdOf(sessionKey));
    },
    // The coordinator of a job ends with it: the job's log shows what happens, and its report remains.
    reports: options.session === undefined,
    notes,
    ...(metrics === null ? {} : { meter: metrics }),
    shared,
  });
  return { artifacts, staged, history, durations, registry, metrics, notes, shared };
}

/** Jobs without id tokens share nothing: nobody vouches for what they run. */
function sharedOf(
  { sharedCache, idTokens, limits, logger }: ResolvedOptions,
  metrics: Metrics | null,
): SharedResults | null {
  if (sharedCache === undefined || idTokens === undefined) return null;
  const say = (line: string): void => logger.warn(line);
  const notices = new Notices();
  const { tell, over } = notices;
  const cache = new GuardedCache(sharedCache, { limits, say, tell, over, meter: metrics?.sharedCache });
  return new SharedResults(cache, idTokens.issuers.map(issuerAsInTokens), notices);
}

/** The coordinator of a job needs the bytes on its own machine: its main job restores them there. */
function stagedOf(
  files: ArtifactStore,
  shared: SharedResults | null,
  options: ResolvedOptions,
): StagedArtifacts | null {
  const { fs, limits, logger, session } = options;
  const staging = shared?.staging ?? null;
  if (staging === null || session !== undefined) return null;
  const warn = (sessionKey: string, line: string): void =>
    logger.warn({ session: sessionIdOf(sessionKey) }, line);
  return new StagedArtifacts(files, { root: sessionsFolder(options), fs, staging, limits, warn });
}

function notesOf({ noteWriter, logger, publicUrl, signIn }: ResolvedOptions): SessionNotes | null {
  if (noteWriter === undefined) return null;
  // The link of a log expires, and whoever has it needs no account: it does not belong into a note.
  const reportUrl = (sessionKey: string): string | null =>
    publicUrl === undefined || signIn === undefined ? null : `${publicUrl}/ui/${sessionKey}/`;
  return new SessionNotes({ writer: noteWriter, logger, reportUrl });
}

const metered = ({ isFinished, driver }: Session): MeteredSession => ({
  isFinished,
  load: loadOf(driver.state),
  backlog: driver.backlog,
});

async function openTokens({ secret, idTokens, fs, dataDir, now }: ResolvedOptions): Promise<TokenIssuer> {
  const known = [secret ?? null, idTokens?.own ?? null];
  return new TokenIssuer(boundKey(await loadTokenKey(fs, dataDir), known), now);
}

async function openGatekeeper(
  options: ResolvedOptions,
  registry: SessionRegistry,
  tokens: TokenIssuer,
  connections: () => number,
): Promise<Gatekeeper> {
  const { secret = null, session = null, idTokens, host, limits, now, fs, dataDir } = options;
  const door = idTokens === undefined ? null : new PipelineDoor(idTokens, limits, tokens, now);
  // A coordinator of a job serves only that job's session. Whether a secret is enough for it was checked before the start.
  const isOneDomain = options.sharedTrust === true || session !== null;
  return new Gatekeeper({
    secret,
    door,
    trust: isOneDomain ? null : await TrustDomain.open(fs, dataDir),
    session,
    reachable: !isLoopbackHost(host),
    limits,
    tokens,
    registry,
    now,
    connections,
  });
}

/** @throws DteError DTE_BAD_CONFIG */
function signInOf(options: ResolvedOptions, tokens: TokenIssuer): SignIn | null {
  const { signIn, publicUrl, idTokens, limits, now } = options;
  if (signIn === undefined) return null;
  const issuer = signIn.issuer.replace(/\/+$/, '');
  const bad = (why: string): DteError =>
    new DteError('DTE_BAD_CONFIG', `People cannot sign in with GitLab (option oidcClientId): ${why}.`);
  if (publicUrl === undefined) throw bad('the address of this coordinator is missing (advertisedUrl)');
  if (idTokens?.issuers.some((each) => each.replace(/\/+$/, '') === issuer) !== true)
    throw bad(`${issuer} is not one of the issuers, so no session belongs to a project of it`);
  const config = { ...signIn, issuer };
  return new SignIn({ config, key: tokens.keyFor('sign-in'), publicUrl, limits, now });
}

/** @throws DteError DTE_BAD_CONFIG */
async function openReaders(
  { cacheReadTokenFile: file, idTokens, fs, logger }: ResolvedOptions,
  shared: SharedResults | null,
): Promise<CacheReaders | null> {
  const [first] = idTokens?.issuers ?? [];
  if (file === undefined) return null;
  if (shared === null || first === undefined)
    throw new DteError(
      'DTE_BAD_CONFIG',
      'There is nothing to read with the tokens of option cacheReadTokenFile (DTE_CACHE_READ_TOKEN_FILE): this coordinator has no shared cache (option cache, DTE_CACHE).',
    );
  const say = (line: string): void => logger.warn(line);
  return CacheReaders.open({ file, issuer: issuerAsInTokens(first), fs, say });
}

/** The port with everything behind it; it does not listen yet. */
export interface Entrance {
  readonly gateway: Gateway;
  readonly httpServer: FastifyInstance;
  /** Null: they need not be renewed. */
  readonly tlsFiles: TlsFiles | null;
}

export async function openEntrance(
  options: ResolvedOptions,
  stores: Stores,
  readiness: Readiness,
): Promise<Entrance> {
  const { limits, logger, publicUrl = null } = options;
  const { registry, metrics, shared, staged } = stores;
  const artifacts = metrics === null ? stores.artifacts : new MeteredArtifacts(stores.artifacts, metrics);
  const tlsFiles = options.tlsFiles === undefined ? null : await TlsFiles.open(options.tlsFiles, options);
  const tls = tlsFiles?.key ?? options.tls ?? null;
  const tokens = await openTokens(options);
  const signIn = signInOf(options, tokens);
  const room = roomForConnections();
  const strangers = new Strangers({ limits, room, onEvicted: evictionLog(logger) });
  const onAuthenticated = (socket: Socket): void => strangers.authenticated(socket);
  const gatekeeper = await openGatekeeper(options, registry, tokens, () => gateway.members);
  const gateway: Gateway = new Gateway({
    gatekeeper,
    limits,
    logger,
    failures: new FailedHandshakes(limits),
    onStranger: strangerLog(options, registry),
    onRefused: (sessionKey, name, error) => registry.refuse(sessionKey, name, error),
    onAuthenticated,
  });
  const endpoints: EndpointDeps = {
    tokens,
    registry,
    logger,
    onAuthenticated,
    isOwnHost: (host) => isOwnHost(host, publicUrl),
    readers: await openReaders(options, shared),
    notices: shared?.notices ?? null,
  };
  const { now } = options;
  const httpServer = createHttpServer({
    ...endpoints,
    artifacts,
    limits,
    now,
    tls,
    room,
    readiness,
    meter: metrics,
    shared,
    staged,
    endsWithJob: options.session !== undefined,
  });
  // The coordinator of a job is on an address that people do not reach, and ends with its job.
  if (options.session === undefined)
    addUi(httpServer, { ...endpoints, limits, now, publicUrl, isSecure: tls !== null, signIn });
  httpServer.server.on('connection', (socket: Socket) => strangers.enter(socket));
  gateway.attach(httpServer.server);
  return { gateway, httpServer, tlsFiles };
}

/** Counts clients that were rejected before they authenticated, in the coordinator's log and in that of their session. */
function strangerLog(
  { logger, now }: ResolvedOptions,
  registry: SessionRegistry,
): (sessionKey: string | null, code: ErrorCode, address: string) => void {
  const refused = new RefusedStrangers();
  return (sessionKey, code, address) => {
    const news = refused.add(code, address, now());
    if (news !== null) logger.warn({ code }, news);
    if (sessionKey !== null) registry.refuseStranger(sessionKey, code, address);
  };
}
