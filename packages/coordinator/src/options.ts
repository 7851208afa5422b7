import type { SharedCache } from '@org/dte-cache';
import { type DteError, type LimitValues, readLimits } from '@org/dte-protocol';
import { type Logger, pino } from 'pino';
import type { IdTokenOptions } from './auth/pipeline-door';
import type { SignInConfig } from './auth/sign-in';
import { type FileSystem, nodeFileSystem } from './files/file-system';
import type { TlsPaths } from './http/tls-files';
import type { TlsKey } from './http/transport';
import type { MetricsAddress } from './metrics/metrics-server';
import type { NoteWriter } from './report/session-notes';

export interface CoordinatorOptions {
  /** Address to listen on; default `127.0.0.1`. Any other than loopback requires id tokens or a secret. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Contains the sessions and the signing key of the tokens. One coordinator at a time: a second one fails to start. */
  readonly dataDir: string;
  /**
   * Contains what is remembered about tasks beyond sessions: which are flaky. Several coordinators may share it.
   * Default: the folder `history` of `dataDir`.
   */
  readonly historyDir?: string;
  /** DTE_SECRET: every client must prove that it knows the secret. */
  readonly secret?: string;
  /** Every client must present an id token of a job in its session's pipeline. With neither, only this machine is served. */
  readonly idTokens?: IdTokenOptions;
  /** The only session that it serves: that of the job which it is part of. Default: any. */
  readonly session?: string;
  /**
   * True: every holder of the secret may join any session. Default false: if other machines can reach it and there are
   * no id tokens, it serves one project and no GitLab pipelines; see `TrustDomain`.
   */
  readonly sharedTrust?: boolean;
  /** Where people and agents reach it, if a proxy is in front of it. Then no other name is accepted from browsers. */
  readonly publicUrl?: string;
  /** Members of a session's project may sign in to see its report; requires `publicUrl` and `idTokens`. */
  readonly signIn?: SignInConfig;
  /** Writes a note about each session that is over into the merge request of its pipeline; requires `idTokens`. Default: none. */
  readonly noteWriter?: NoteWriter;
  /** Where `GET /metrics` is served, to everybody who can reach it. Default: nowhere. */
  readonly metrics?: MetricsAddress;
  /** What the pipelines of a project share; requires `idTokens`. Closed by the coordinator. Default: nothing is shared. */
  readonly sharedCache?: SharedCache;
  /**
   * A file with tokens, each of which lets plain Nx read what the trusted pipelines of one project of the first of the issuers have
   * stored in the shared cache: lines `<project id> <token>`. Default: none.
   */
  readonly cacheReadTokenFile?: string;
  /** Listens with TLS, with this key. */
  readonly tls?: TlsKey;
  /** Listens with TLS, with a certificate that clients verify as usual; `tls` must not be set. Renewed files are used without a restart. */
  readonly tlsFiles?: TlsPaths;
  /** Default: the protocol's defaults, without reading the environment. */
  readonly limits?: LimitValues;
  /** Default: silent. */
  readonly logger?: Logger;
  /** How long finished sessions stay on disk, ms; default the limit `retainFinishedMs`. */
  readonly retainFinishedMs?: number;
  /**
   * True: every input is on the disk before it has an effect, so that sessions survive a crash of the machine; costs a
   * disk flush per group of inputs. Default false: sessions survive a crash of the process.
   */
  readonly fsync?: boolean;
  /**
   * Called when a session is finished and its last connection is closed, so that nothing is being downloaded any more.
   * Called again if the session was reopened and is finished again.
   */
  readonly onSessionFinished?: (sessionId: string) => void;
  /**
   * Called when another process has taken over the data folder because this one was frozen for long: end the process,
   * which must not write any more. Default: only a line in the log.
   */
  readonly onFolderLost?: (error: DteError) => void;
  /** For specs: the disk. */
  readonly fs?: FileSystem;
  /** For specs: milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The options with all defaults that other modules need. */
export interface ResolvedOptions extends CoordinatorOptions {
  readonly host: string;
  readonly port: number;
  readonly limits: LimitValues;
  readonly logger: Logger;
  readonly fs: FileSystem;
  readonly now: () => number;
}

export function resolveOptions(options: CoordinatorOptions): ResolvedOptions {
  const { host = '127.0.0.1', port = 0, fs = nodeFileSystem, now = Date.now } = options;
  const logger = options.logger ?? pino({ enabled: false });
  return { ...options, host, port, fs, now, logger, limits: limitsOf(options) };
}

function limitsOf({ limits, retainFinishedMs }: CoordinatorOptions): LimitValues {
  const base = limits ?? readLimits({}).limits;
  return retainFinishedMs === undefined ? base : { ...base, retainFinishedMs };
}

/** Where the sessions are in the data folder. */
export const sessionsFolder = ({ dataDir }: CoordinatorOptions): string => `${dataDir}/sessions`;
