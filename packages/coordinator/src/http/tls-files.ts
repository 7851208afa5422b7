import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type Server } from 'node:tls';
import { DteError, type LimitValues } from '@org/dte-protocol';
import type { Logger } from 'pino';
import type { FileSystem } from '../files/file-system';
import type { TlsKey } from './transport';

/** Paths of PEM files. */
export interface TlsPaths {
  /** The certificate, followed by those that lead to its authority. */
  readonly cert: string;
  /** Its key, without a passphrase. */
  readonly key: string;
}

export interface TlsFilesDeps {
  readonly fs: Pick<FileSystem, 'readFile'>;
  readonly limits: Pick<LimitValues, 'tlsReloadMs'>;
  readonly logger: Logger;
  readonly now: () => number;
}

/** A unit: not configurable. */
const DAY_MS = 86_400_000;
/** How long before its end a certificate is in the log, once a day. Those that renew themselves do so earlier. */
const NOTICE_MS = 14 * DAY_MS;

interface Pair extends TlsKey {
  readonly validToMs: number;
}

/**
 * A certificate of an authority, in files that somebody renews. They are read again every `tlsReloadMs`, and not watched:
 * Kubernetes replaces a link above them, and network file systems tell nothing. Open connections stay; new ones get the new certificate.
 */
export class TlsFiles {
  private timer: NodeJS.Timeout | null = null;
  /** What is wrong since the last look. */
  private doubted = '';
  /** What was wrong for two looks, and is in the log. */
  private refused = '';
  private noticedAtMs = -Infinity;

  private constructor(
    private readonly paths: TlsPaths,
    private readonly deps: TlsFilesDeps,
    private current: Pair,
  ) {}

  /** @throws DteError DTE_BAD_CONFIG if they cannot be used */
  static async open(paths: TlsPaths, deps: TlsFilesDeps): Promise<TlsFiles> {
    const { fs, now } = deps;
    try {
      return new TlsFiles(paths, deps, checked(await read(fs, paths), now()));
    } catch (thrown) {
      throw new DteError('DTE_BAD_CONFIG', `${whatIsWrong(paths, thrown)} (options tlsCert, tlsKey).`, {
        cause: thrown,
      });
    }
  }

  get key(): TlsKey {
    return this.current;
  }

  /** Until `close`. */
  watch(server: Pick<Server, 'setSecureContext'>): void {
    let looking = false;
    this.notice();
    this.timer = setInterval(() => {
      if (looking) return;
      looking = true;
      void this.look(server).finally(() => (looking = false));
    }, this.deps.limits.tlsReloadMs).unref();
  }

  close(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
  }

  private async look(server: Pick<Server, 'setSecureContext'>): Promise<void> {
    const { paths, deps } = this;
    const { fs, logger, now } = deps;
    this.notice();
    try {
      const found = await read(fs, paths);
      if (found.cert === this.current.cert && found.key === this.current.key) {
        this.trust();
        return;
      }
      const next = checked(found, now());
      if (this.timer === null) return;
      server.setSecureContext(contextOf(next));
      this.current = next;
      this.trust();
      this.noticedAtMs = -Infinity;
      logger.info({ cert: paths.cert, validTo: new Date(next.validToMs) }, 'new TLS certificate in use');
      this.notice();
    } catch (thrown) {
      const why = whatIsWrong(paths, thrown);
      // It may be the moment between the two files, which nobody has to know of: only what stays is news, and only once.
      const stays = why === this.doubted;
      this.doubted = why;
      if (!stays || why === this.refused) return;
      this.refused = why;
      const until = new Date(this.current.validToMs).toISOString();
      logger.warn(
        { code: 'DTE_BAD_CONFIG' },
        `${why}; the certificate of before stays in use, until ${until}.`,
      );
    }
  }

  private trust(): void {
    this.doubted = '';
    this.refused = '';
  }

  private notice(): void {
    const { logger, now } = this.deps;
    const leftMs = this.current.validToMs - now();
    if (leftMs > NOTICE_MS || now() - this.noticedAtMs < DAY_MS) return;
    this.noticedAtMs = now();
    const validTo = new Date(this.current.validToMs);
    if (leftMs <= 0) logger.error({ validTo }, 'the TLS certificate has expired: no job connects any more');
    else logger.warn({ validTo }, 'the TLS certificate expires soon');
  }
}

async function read(fs: TlsFilesDeps['fs'], { cert, key }: TlsPaths): Promise<TlsKey> {
  const [certificate, privateKey] = await Promise.all([fs.readFile(cert, 'utf8'), fs.readFile(key, 'utf8')]);
  return { cert: certificate, key: privateKey, oldest: 'TLSv1.2' };
}

/** For `createSecureContext` and `setSecureContext`, which would forget the version otherwise. */
const contextOf = ({ cert, key, oldest }: TlsKey) => ({ cert, key, minVersion: oldest });

/** @throws Error with the reason, and nothing of the key */
function checked(pair: TlsKey, nowMs: number): Pair {
  const certificate = new X509Certificate(pair.cert);
  if (!certificate.checkPrivateKey(createPrivateKey(pair.key)))
    throw new Error('the key is not that of the certificate');
  const validToMs = Date.parse(certificate.validTo);
  if (validToMs <= nowMs)
    throw new Error(`the certificate has expired (${new Date(validToMs).toISOString()})`);
  // What OpenSSL rejects for another reason, such as a key that is too short.
  createSecureContext(contextOf(pair));
  return { ...pair, validToMs };
}

const whatIsWrong = ({ cert, key }: TlsPaths, thrown: unknown): string =>
  `The certificate ${cert} with the key ${key} cannot be used: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
