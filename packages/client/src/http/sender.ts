import { type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type LimitValues, DteError, LIMITS, NOTICE_HEADER, noticesOfHeader } from '@org/dte-protocol';
import { uniformBackoff } from '../connection/backoff';
import { errorOfFailure } from './http-error';
import { type RequestSpec, type Transport, createTransport, readBody, request } from './request';

export interface HttpClientOptions {
  /** `http(s)://host:port` of the coordinator, or a function that returns the latest known one. */
  readonly url: string | (() => string);
  /** Bearer token of the latest welcome. */
  readonly token: () => string;
  readonly limits: LimitValues;
  /** Requests that fail with a `retry` code (no answer, timeout, 503) are retried for this long; default 0. */
  readonly retryForMs?: number | undefined;
  /** Called with a line for the log, if something is slower than it could be. */
  readonly note?: ((line: string) => void) | undefined;
  /** Called with the size in bytes of each artifact that has been received and verified. */
  readonly onDownload?: ((bytes: number) => void) | undefined;
}

/** How a request is sent if not in the default way. */
export interface SendHow {
  /** Without the token of a session; default: with it. */
  readonly anonymous?: boolean;
  /** Its body can be sent only once; default: repeatedly. */
  readonly once?: boolean;
}

const isAborted = (spec: RequestSpec): boolean => spec.signal?.aborted === true;

/** Sends requests to the current coordinator, with retries while they can help. */
export class Sender {
  private transport: Transport & { readonly url: string };

  constructor(private readonly options: HttpClientOptions) {
    this.transport = { url: '', ...createTransport('http:', options.limits.httpIdleMs) };
  }

  /** How long a request is retried, in ms. */
  get retryForMs(): number {
    return this.options.retryForMs ?? 0;
  }

  /** The answer, its body as a stream. @throws DteError for every answer that is not 2xx, and for none */
  async send(spec: RequestSpec, { anonymous = false, once = false }: SendHow = {}): Promise<IncomingMessage> {
    const { limits } = this.options;
    const deadline = Date.now() + (once ? 0 : this.retryForMs);
    const backoff = uniformBackoff(limits.reconnectMinMs, limits.reconnectMaxMs);
    for (let tries = 1; ; tries++) {
      try {
        return await this.sendOnce(spec, anonymous);
      } catch (thrown) {
        const error = DteError.from(thrown);
        if (isAborted(spec) || once) throw error;
        // The other side may have closed a kept socket: one retry on a new one is always permitted.
        const reset = error.code === 'DTE_NO_COORDINATOR' && tries === 1;
        const waitMs = reset ? 0 : backoff.nextMs();
        if (
          !reset &&
          (error.code === 'DTE_UNKNOWN_HASH' || error.severity !== 'retry' || Date.now() + waitMs > deadline)
        ) {
          throw error;
        }
        await delay(waitMs, undefined, spec.signal === undefined ? {} : { signal: spec.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  /** The complete body of an answer of at most `answerBytes`. */
  async text(spec: RequestSpec, how: SendHow = {}): Promise<string> {
    const answer = await this.send(spec, how);
    try {
      return await readBody(answer, LIMITS.answerBytes.value);
    } catch (thrown) {
      throw errorOfFailure(`${spec.method} ${spec.path}`, thrown);
    }
  }

  post(path: string, body: unknown): Promise<string> {
    return this.text({ method: 'POST', path, body: JSON.stringify(body) });
  }

  /** Closes idle sockets. */
  close(): void {
    this.transport.agent.destroy();
  }

  private async sendOnce(spec: RequestSpec, anonymous: boolean): Promise<IncomingMessage> {
    const { url: from, token, limits } = this.options;
    const url = typeof from === 'string' ? from : from();
    const answer = await request({
      transport: this.transportTo(url),
      url,
      token: anonymous ? null : token(),
      idleMs: limits.httpRequestMs,
      spec,
    });
    const notices = answer.headers[NOTICE_HEADER];
    if (typeof notices === 'string')
      for (const line of noticesOfHeader(notices)) this.options.note?.(`dte: ${line}`);
    return answer;
  }

  /** A function as address may return another coordinator later: sockets to the old one are useless. */
  private transportTo(url: string): Transport {
    if (this.transport.url !== url) {
      this.transport.agent.destroy();
      this.transport = { url, ...createTransport(url, this.options.limits.httpIdleMs) };
    }
    return this.transport;
  }
}
