import { type DteError, type LimitValues, readLimits } from '@org/dte-protocol';
import { type Logger, pino } from 'pino';
import type { IdTokenOptions } from './auth/pipeline-door';
import { type FileSystem, nodeFileSystem } from './files/file-system';
import type { TlsKey } from './http/transport';

export interface CoordinatorOptions {
  /** Address to listen on; default `127.0.0.1`. Anything else than loopback wants id tokens or a secret. */
  readonly host?: string;
  /** Default 0: any free one. */
  readonly port?: number;
  /** Holds the sessions and the key of the tokens. One coordinator at a time: a second one is refused. */
  readonly dataDir: string;
  /**
   * Holds what is remembered of tasks beyond sessions: which are flaky. Several coordinators may share it. Default: the
   * folder `history` of `dataDir`.
   */
  readonly historyDir?: string;
  /** DTE_SECRET: every client has to prove that it knows it. */
  readonly secret?: string;
  /** Every client has to show an id token of a job of its session's pipeline. With neither, this machine is served only. */
  readonly idTokens?: IdTokenOptions;
  /** The one session that it serves: that of the job which it is a part of. Default: any. */
  readonly session?: string;
  /**
   * True: whoever has the secret may enter any session. Default false: where other machines reach it, and there are no id
   * tokens, it serves one project and no pipelines of GitLab; see `TrustDomain`.
   */
  readonly sharedTrust?: boolean;
  /** Listens with TLS, with this key. */
  readonly tls?: TlsKey;
  /** Default: the protocol's defaults, without looking at the environment. */
  readonly limits?: LimitValues;
  /** Default: silent. */
  readonly logger?: Logger;
  /** How long finished sessions stay on disk, ms; default the limit `retainFinishedMs`. */
  readonly retainFinishedMs?: number;
  /**
   * True: every input is on the platter before it has an effect, so that sessions survive a crash of the machine;
   * costs a disk flush per group of inputs. Default false: sessions survive a crash of the process.
   */
  readonly fsync?: boolean;
  /**
   * A session is finished and its last connection is gone, so nothing is being fetched any more. Called again when
   * the session was reopened in the meantime and is finished again.
   */
  readonly onSessionFinished?: (sessionId: string) => void;
  /**
   * Another process has taken the data folder over, because this one was frozen for long: end the process, which must
   * not write any more. Default: nothing but a line in the log.
   */
  readonly onFolderLost?: (error: DteError) => void;
  /** For specs: the disk. */
  readonly fs?: FileSystem;
  /** For specs: milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The options with every default filled in that others need. */
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

/** Where the sessions are below the data folder. */
export const sessionsFolder = ({ dataDir }: CoordinatorOptions): string => `${dataDir}/sessions`;
