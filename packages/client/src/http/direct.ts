import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { connectThrough, OLDEST_TLS, proxyFor } from '@org/dte-identity';
import {
  type LimitValues,
  BYTES_HEADER,
  DIGEST_HEADER,
  DteError,
  printable,
  sha256OfHeader,
} from '@org/dte-protocol';
import { type Received, type SpoolLimits, spool } from './spool';

/** An artifact elsewhere, as the coordinator describes it. */
interface Elsewhere {
  readonly url: URL;
  /** In base64. */
  readonly sha256: string;
  readonly bytes: number;
}

export interface DirectReadsOptions {
  readonly limits: SpoolLimits & Pick<LimitValues, 'httpRequestMs' | 'httpIdleMs'>;
  /** One line, if this process stops to read elsewhere. */
  readonly note: (line: string) => void;
}

/** Until the other server begins to answer. Not configurable: a reader that waits in vain asks the coordinator, and after `FAILURES` at once. */
const ANSWER_MS = 10_000;
/** Failures in a row after which a process asks only the coordinator. Not configurable: each costs at most `ANSWER_MS`, or one damaged download. */
const FAILURES = 3;
/** Characters of an error that are shown. */
const WHY_CHARS = 300;
/** Connections to the other server. Not configurable: as to the coordinator. */
const MAX_SOCKETS = 64;

/**
 * Reads artifacts where the coordinator says that they are: presigned addresses of a bucket. Nothing of ours is sent there: the address
 * itself permits the read. The other server need not be trusted with the content, because the digest comes from the coordinator; so
 * `http` is as good as `https` for the integrity of an artifact, and whoever configures a bucket without TLS has chosen that others on
 * the network can read it. Every trouble there is none: the coordinator is asked instead.
 */
export class DirectReads {
  private failures = 0;
  private readonly agents: { readonly http: http.Agent; readonly https: https.Agent };

  constructor(private readonly options: DirectReadsOptions) {
    const { httpIdleMs: timeout } = options.limits;
    const kept = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout };
    this.agents = {
      http: new http.Agent(kept),
      https: new https.Agent({ ...kept, minVersion: OLDEST_TLS }),
    };
  }

  /** Is it worth asking for addresses? */
  get isOn(): boolean {
    return this.failures < FAILURES;
  }

  /** @param redirect the coordinator's answer 307. @returns null if it could not be read there */
  async read(redirect: http.IncomingMessage, signal?: AbortSignal): Promise<Received | null> {
    redirect.resume();
    let where = 'another server';
    try {
      const elsewhere = elsewhereOf(redirect.headers);
      where = elsewhere.url.host;
      const received = await this.receive(elsewhere, signal);
      if (this.isOn) this.failures = 0;
      return received;
    } catch (thrown) {
      if (signal?.aborted !== true) this.failed(where, thrown);
      return null;
    }
  }

  close(): void {
    this.agents.http.destroy();
    this.agents.https.destroy();
  }

  private failed(where: string, thrown: unknown): void {
    this.failures += 1;
    if (this.failures !== FAILURES) return;
    // Without the address: it is a credential.
    const why = printable(thrown instanceof Error ? thrown.message : String(thrown), WHY_CHARS);
    this.options.note(
      `dte: artifacts cannot be read from ${printable(where, WHY_CHARS)} directly (${why}); from now on, all come through the coordinator`,
    );
  }

  private async receive({ url, sha256, bytes }: Elsewhere, signal?: AbortSignal): Promise<Received> {
    const { limits } = this.options;
    const answer = await this.get(url, signal);
    if (answer.statusCode !== 200) {
      answer.destroy();
      throw new Error(`status ${String(answer.statusCode)}`);
    }
    const received = await spool(answer, { ...limits, artifactBytes: Math.min(bytes, limits.artifactBytes) });
    if (received.sha256 === sha256 && received.bytes === bytes) return received;
    await received.discard();
    throw new Error('the content is not what the coordinator has stored');
  }

  private async get(url: URL, signal?: AbortSignal): Promise<http.IncomingMessage> {
    const { httpRequestMs } = this.options.limits;
    const isSecure = url.protocol === 'https:';
    const way = (await throughProxy(url, signal)) ?? {
      agent: isSecure ? this.agents.https : this.agents.http,
    };
    return new Promise((resolve, reject) => {
      const outgoing = (isSecure ? https : http).request(url, {
        method: 'GET',
        // What is stored is compared, and not what a server in between makes of it.
        headers: { 'accept-encoding': 'identity' },
        ...way,
        timeout: httpRequestMs,
        signal,
      });
      const slow = setTimeout(() => {
        outgoing.destroy(new Error(`no answer within ${ANSWER_MS} ms`));
      }, ANSWER_MS);
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no progress for ${httpRequestMs} ms`)));
      outgoing.on('error', reject);
      outgoing.on('close', () => clearTimeout(slow));
      outgoing.on('response', (answer) => {
        clearTimeout(slow);
        resolve(answer);
      });
      outgoing.end();
    });
  }
}

/** RFC 9110, 4.2.2. */
const HTTPS_PORT = 443;

/** A connection for one request through the proxy of this process; null if it has none for this address. */
export async function throughProxy(url: URL, signal?: AbortSignal): Promise<https.RequestOptions | null> {
  const proxy = proxyFor(url);
  if (proxy === null) return null;
  const late = AbortSignal.timeout(ANSWER_MS);
  const inTime = signal === undefined ? late : AbortSignal.any([signal, late]);
  const socket = await connectThrough({ proxy, target: url, signal: inTime });
  if (url.protocol === 'http:') return { createConnection: () => socket };
  const host = url.hostname;
  const servername = isIP(host.replace(/^\[|\]$/g, '')) === 0 ? { servername: host } : {};
  return {
    // Without an agent, Node takes the port of plain HTTP for the default, and names it in the header `host`, which is signed.
    defaultPort: HTTPS_PORT,
    createConnection: () => connect({ socket, host, minVersion: OLDEST_TLS, ...servername }),
  };
}

/** @throws DteError DTE_MALFORMED_MESSAGE if the answer lacks something */
function elsewhereOf(headers: http.IncomingHttpHeaders): Elsewhere {
  const { location = '', [DIGEST_HEADER]: digest, [BYTES_HEADER]: size } = headers;
  const sha256 = typeof digest === 'string' ? sha256OfHeader(digest) : null;
  const bytes = typeof size === 'string' && /^\d{1,15}$/.test(size) ? Number(size) : null;
  const url = URL.canParse(location) ? new URL(location) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol) || sha256 === null || bytes === null)
    throw new DteError('DTE_MALFORMED_MESSAGE', 'The coordinator names another address, but not all of it.');
  return { url, sha256, bytes };
}
