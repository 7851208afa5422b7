import * as http from 'node:http';
import * as https from 'node:https';
import { pipeline } from 'node:stream/promises';
import { OLDEST_TLS } from '@org/dte-identity';
import {
  type DirectUploadAnswer,
  directUploadAnswerSchema,
  DteError,
  HTTP,
  type LimitValues,
  printable,
} from '@org/dte-protocol';
import { throughProxy } from './direct';
import { parseAnswer } from './parse-answer';
import { type Sender } from './sender';
import { type Received } from './spool';

type Address = NonNullable<DirectUploadAnswer['address']>;

export interface DirectWritesOptions {
  readonly sender: Pick<Sender, 'text'>;
  readonly limits: Pick<LimitValues, 'httpRequestMs' | 'directUploadBytes'>;
  /** One line, if this process stops to write elsewhere. */
  readonly note: (line: string) => void;
}

/** What became of it; `here`: it is to be sent to the coordinator. */
export type DirectlyStored = 'stored' | 'exists' | 'here';

/** For a connection to the other server. Not configurable: a sender that waits in vain sends to the coordinator, and after `FAILURES` at once. */
const CONNECT_MS = 5_000;
/** Failures in a row after which a process sends to the coordinator only. Not configurable: each costs at most an upload, or `CONNECT_MS`. */
const FAILURES = 3;
/** Characters of an error that are shown. */
const WHY_CHARS = 300;
/** Uploads of one process at a time, as to the coordinator. */
const MAX_SOCKETS = 64;
/** Of the answer to a coordinator's question, its error included; more is not read. */
const ERROR_BODY_BYTES = 2_048;

/**
 * Puts artifacts where the coordinator says: at presigned addresses of a bucket, each of which takes exactly one content. Nothing
 * of ours is sent there but the bytes. The coordinator asks the bucket before it counts them as stored. Every trouble there
 * is none: they are sent to the coordinator instead.
 */
export class DirectWrites {
  private failures = 0;
  /** False: the coordinator has said that it has no addresses, or does not know the question. */
  private isOffered = true;
  /** Connections are not kept: uploads are few and large, and one that the other side has just closed would fail. */
  private readonly agents = {
    http: new http.Agent({ maxSockets: MAX_SOCKETS }),
    https: new https.Agent({ maxSockets: MAX_SOCKETS, minVersion: OLDEST_TLS }),
  };

  constructor(private readonly options: DirectWritesOptions) {}

  /**
   * @param path of the artifact. @param packed is not used up
   * @throws DteError as if it were sent to the coordinator, if that has not answered
   */
  async put(path: string, packed: Received): Promise<DirectlyStored> {
    const { directUploadBytes } = this.options.limits;
    if (!this.isOffered || this.failures >= FAILURES || packed.bytes < directUploadBytes) return 'here';
    const body = JSON.stringify({ bytes: packed.bytes, sha256: packed.sha256 });
    const address = await this.ask(path, body);
    if (address === null || address === 'exists') return address ?? 'here';
    let where = 'another server';
    try {
      const url = new URL(address.url);
      where = url.host;
      await this.send(url, address.headers, packed);
    } catch (thrown) {
      this.failed(where, thrown);
      return 'here';
    }
    return this.tell(path, body, where);
  }

  /** Null: there is no address for it. Whatever is wrong with the question, the upload itself will tell. */
  private async ask(path: string, body: string): Promise<Address | 'exists' | null> {
    try {
      const spec = { method: 'POST', path: HTTP.direct(path), body } as const;
      const text = await this.options.sender.text(spec, { once: true });
      const { address, again } = parseAnswer(directUploadAnswerSchema, text, 'the question for an address');
      this.isOffered = again;
      return address;
    } catch (thrown) {
      const { code } = DteError.from(thrown);
      // A coordinator of an earlier version has no such endpoint.
      if (code === 'DTE_INVALID_ID') this.isOffered = false;
      return code === 'DTE_ARTIFACT_EXISTS' ? 'exists' : null;
    }
  }

  /** A coordinator that restarts meanwhile is waited for: the bytes are there, and it asks the bucket. */
  private async tell(path: string, body: string, where: string): Promise<DirectlyStored> {
    try {
      await this.options.sender.text({ method: 'PUT', path: HTTP.direct(path), body });
      this.failures = 0;
      return 'stored';
    } catch (thrown) {
      const error = DteError.from(thrown);
      if (error.code === 'DTE_ARTIFACT_EXISTS') return 'exists';
      if (error.severity === 'retry' || error.code === 'DTE_NOT_HELD') throw error;
      this.failed(where, error);
      return 'here';
    }
  }

  private failed(where: string, thrown: unknown): void {
    this.failures += 1;
    if (this.failures !== FAILURES) return;
    // Without the address: it is a credential.
    const why = printable(thrown instanceof Error ? thrown.message : String(thrown), WHY_CHARS);
    this.options.note(
      `dte: artifacts cannot be written to ${printable(where, WHY_CHARS)} directly (${why}); from now on, all go through the coordinator`,
    );
  }

  private async send(url: URL, headers: Address['headers'], packed: Received): Promise<void> {
    const { httpRequestMs } = this.options.limits;
    const isSecure = url.protocol === 'https:';
    const way = (await throughProxy(url)) ?? { agent: isSecure ? this.agents.https : this.agents.http };
    const outgoing = (isSecure ? https : http).request(url, {
      method: 'PUT',
      headers,
      ...way,
      timeout: httpRequestMs,
    });
    const answered = answerOf(outgoing);
    answered.catch(() => undefined);
    endWhenUnconnected(outgoing);
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no progress for ${httpRequestMs} ms`)));
    const sent = pipeline(packed.readAgain(), outgoing);
    // A refusal may come before the end of the body, and says more than the connection that breaks then.
    sent.catch(() => undefined);
    try {
      const { status, code } = await Promise.race([answered, sent.then(() => answered)]);
      if (status !== 200) throw new Error(`status ${status}${code === '' ? '' : `, ${code}`}`);
    } finally {
      // What has not been sent is of no use any more.
      if (!outgoing.writableFinished) outgoing.destroy();
      await sent.catch(() => undefined);
    }
  }
}

/** The status, and what S3 calls the error. */
function answerOf(outgoing: http.ClientRequest): Promise<{ status: number; code: string }> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('close', () => reject(new Error('the connection ended before the answer')));
    outgoing.on('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (piece: string) => (text = `${text}${piece}`.slice(0, ERROR_BODY_BYTES)));
      answer.on('error', reject);
      answer.on('end', () => {
        const [, code = ''] = /<Code>(\w{1,64})<\/Code>/.exec(text) ?? [];
        resolve({ status: answer.statusCode ?? 0, code });
      });
    });
  });
}

function endWhenUnconnected(outgoing: http.ClientRequest): void {
  const late = setTimeout(
    () => outgoing.destroy(new Error(`no connection within ${CONNECT_MS} ms`)),
    CONNECT_MS,
  );
  outgoing.on('close', () => clearTimeout(late));
  outgoing.on('socket', (socket) => {
    if (!socket.connecting) clearTimeout(late);
    else socket.once('connect', () => clearTimeout(late));
  });
}
