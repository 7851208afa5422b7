import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { DteError } from '@org/dte-protocol';
import { SMALL_BYTES } from './artifact-store';
import type { OpenFile } from './open-file';

/** Buffers that wait for the next download, at most. Not configurable: 4 MB, enough for 8 downloads at a time; more allocate theirs. */
const SPARE_BUFFERS = 16;

/**
 * After as many pieces, others have their turn: to a reader that is as fast as the disk, everything would be sent at once, and nobody
 * else be heard meanwhile. Not configurable: 1 MB takes about a millisecond.
 */
const PIECES_AT_A_TIME = 4;

const spare: Buffer[] = [];

/**
 * The bytes of a file, as a stream like any other; or sent to a reader with `sendTo`, which uses two buffers again and again: new
 * ones for each piece cost more than reading and sending do (the kernel clears their pages, and the garbage collector runs).
 */
export class FileBody extends Readable {
  private at = 0;

  /** @param bytes how much is read, even if the file grows; the file is closed at the end and by `destroy` */
  constructor(
    private readonly file: Pick<OpenFile, 'read' | 'close'>,
    private readonly bytes: number,
  ) {
    super({ highWaterMark: SMALL_BYTES });
  }

  override _read(): void {
    this.fill(Buffer.allocUnsafe(Math.min(SMALL_BYTES, this.bytes - this.at))).then(
      (piece) => this.push(piece.length === 0 ? null : piece),
      (thrown: unknown) => this.destroy(DteError.from(thrown)),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Of a read in progress, it waits for the end.
    const closing = async (): Promise<void> => this.file.close();
    closing().then(() => done(error), done);
  }

  /**
   * Instead of reading this stream: sends everything and ends the answer, or destroys it.
   * @param begin called before the first byte is sent
   * @throws what the first read throws; then nothing is sent
   */
  async sendTo(response: ServerResponse, begin: () => void): Promise<void> {
    const buffers = [spare.pop() ?? newBuffer(), spare.pop() ?? newBuffer()] as const;
    try {
      const first = await this.fill(buffers[0]);
      begin();
      if (!(await this.sendFrom(first, buffers, response))) return;
      // Nobody uses them any more: those of a reader who left may still be with the kernel.
      for (const buffer of buffers) if (spare.length < SPARE_BUFFERS) spare.push(buffer);
    } finally {
      this.destroy();
    }
  }

  /** @returns false if the answer broke off */
  private async sendFrom(
    first: Buffer,
    buffers: readonly [Buffer, Buffer],
    response: ServerResponse,
  ): Promise<boolean> {
    let sending = send(response, first);
    try {
      for (let turn = 1; this.at < this.bytes; turn++) {
        if (turn % PIECES_AT_A_TIME === 0) await setImmediate();
        // One is read while the other one is sent.
        const piece = await this.fill(turn % 2 === 0 ? buffers[0] : buffers[1]);
        if (!(await sending)) return false;
        sending = send(response, piece);
      }
    } catch {
      // The reader notices that it is not complete.
      response.destroy();
      return false;
    }
    if (!(await sending)) return false;
    response.end();
    return true;
  }

  private async fill(buffer: Buffer): Promise<Buffer> {
    const length = Math.min(buffer.length, this.bytes - this.at);
    const bytesRead = await this.file.read(buffer, length, this.at);
    if (bytesRead === 0 && length > 0)
      throw new DteError('DTE_INTERNAL', `A stored file ended after ${this.at} of ${this.bytes} bytes.`);
    this.at += bytesRead;
    return buffer.subarray(0, bytesRead);
  }
}

/** Their own memory: not a part of one that others use. */
const newBuffer = (): Buffer => Buffer.allocUnsafeSlow(SMALL_BYTES);

/** Resolves when the kernel has taken the piece; false: the reader is gone. */
function send(response: ServerResponse, piece: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    // Of the socket: an answer that waits for the one before it does not hear when its connection ends.
    const { socket } = response.req;
    const onClose = (): void => resolve(false);
    if (response.destroyed || socket.destroyed) {
      onClose();
      return;
    }
    socket.once('close', onClose);
    response.write(piece, (error) => {
      socket.off('close', onClose);
      resolve(error === null || error === undefined);
    });
  });
}
