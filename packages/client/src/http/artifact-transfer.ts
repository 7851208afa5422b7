import { type Readable } from 'node:stream';
import { DteError, HTTP, LIMITS, checkAnswerSchema } from '@org/dte-protocol';
import { type Checked, type Download, download } from './download';
import { parseAnswer } from './parse-answer';
import { type RequestSpec } from './request';
import { DirectReads } from './direct';
import { type DirectlyStored, DirectWrites } from './direct-writes';
import { type HttpClientOptions, type Sender } from './sender';
import { type Received } from './spool';
import { hashedUpload } from './upload';

/** `exists`: it was already stored and is kept. */
export type Stored = 'stored' | 'exists';

/** Transfers artifacts to and from the coordinator's store, verified with a sha256 in both directions. */
export class ArtifactTransfer {
  private readonly direct: DirectReads;
  private readonly directWrites: DirectWrites;

  constructor(
    private readonly sender: Sender,
    private readonly options: Pick<HttpClientOptions, 'limits' | 'note' | 'onDownload'>,
  ) {
    const note = (line: string): void => options.note?.(line);
    this.direct = new DirectReads({ limits: options.limits, note });
    this.directWrites = new DirectWrites({ sender, limits: options.limits, note });
  }

  /** The stored bytes, verified before they are returned. @throws DteError those of `download` */
  async get(spec: RequestSpec): Promise<Download> {
    const downloaded = await download(
      {
        send: (each) => this.sender.send(each),
        check: (path) => this.check(path),
        limits: this.options.limits,
        direct: this.direct,
      },
      spec,
    );
    this.options.onDownload?.(downloaded.bytes ?? 0);
    return downloaded;
  }

  /** For readers of the beginning only: the coordinator has verified its copy. What was damaged on the way is for the reader to find. */
  async getUnchecked(spec: RequestSpec): Promise<Download> {
    if ((await this.check(spec.path)) === 'removed') {
      const message = `The artifact at ${spec.path} is damaged; the coordinator has removed it.`;
      throw new DteError('DTE_ARTIFACT_DAMAGED', message);
    }
    const answer = await this.sender.send(spec);
    const length = Number(answer.headers['content-length']);
    return Object.assign(answer, { bytes: Number.isSafeInteger(length) ? length : null });
  }

  /** What was packed before: the coordinator, or the bucket that it names, refuses what arrives differently. Tried once, because it can be read once. */
  async putPacked(path: string, packed: Received): Promise<Stored> {
    const { bytes, sha256 } = packed;
    const elsewhere = await this.putElsewhere(path, packed);
    if (elsewhere !== 'here') return elsewhere;
    const contentType = 'application/octet-stream';
    const body = (): Readable => packed.read();
    const spec: RequestSpec = { method: 'PUT', path, body, contentType, announced: { bytes, sha256 } };
    try {
      (await this.sender.send(spec, { once: true })).resume();
      return 'stored';
    } catch (thrown) {
      if (thrown instanceof DteError && thrown.code === 'DTE_ARTIFACT_EXISTS') return 'exists';
      throw thrown;
    }
  }

  /** An existing artifact is kept and equivalent, because keys are immutable. */
  async put(path: string, body: Readable | (() => Readable), signal?: AbortSignal): Promise<Stored> {
    const repeatable = typeof body === 'function';
    const upload = hashedUpload(repeatable ? body : () => body);
    const contentType = 'application/octet-stream';
    const spec: RequestSpec = { method: 'PUT', path, body: upload.body, contentType, signal };
    try {
      const answer = await this.sender.send(spec, { once: !repeatable });
      answer.resume();
      upload.check(path, answer);
      return 'stored';
    } catch (thrown) {
      if (thrown instanceof DteError && thrown.code === 'DTE_ARTIFACT_EXISTS') return 'exists';
      throw thrown;
    }
  }

  /** Closes idle sockets to other servers. */
  close(): void {
    this.direct.close();
  }

  private async putElsewhere(path: string, packed: Received): Promise<DirectlyStored> {
    let stored: DirectlyStored | null = null;
    try {
      stored = await this.directWrites.put(path, packed);
      return stored;
    } finally {
      if (stored !== 'here') await packed.discard();
    }
  }

  /** If the request is given up, the coordinator continues to read, and the next request waits for the same result. */
  private async check(path: string): Promise<Checked> {
    for (let tries = 1; ; tries++) {
      const beginMs = Date.now();
      try {
        const answer = await this.sender.post(HTTP.check(path), {});
        return parseAnswer(checkAnswerSchema, answer, 'the request for a check').state;
      } catch (thrown) {
        const { code } = DteError.from(thrown);
        // A coordinator that does not answer was asked for `retryForMs`, and no longer.
        const isCut = code === 'DTE_NO_COORDINATOR' && Date.now() - beginMs > this.sender.retryForMs;
        const isLate = code === 'DTE_TIMEOUT' || isCut;
        if (!isLate || tries >= LIMITS.artifactCheckTries.value) throw thrown;
      }
    }
  }
}
