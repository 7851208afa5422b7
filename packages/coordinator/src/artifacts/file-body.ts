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
    const filling = async (): Promise<Buffer> =>
      this.fill(Buffer.allocUnsafe(Math.min(SMALL_BYTES, this.bytes - this.at)));
    filling().then(
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
      const filling = this.fill(buffers[0]);
      const first = Buffer.isBuffer(filling) ? filling : await filling;
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
    [one, other]: readonly [Buffer, Buffer],
    response: ServerResponse,
  ): Promise<boolean> {
    // What is with the kernel must not change; what it has taken at once is used again, while the processor still has it at hand.
    let [free, busy] = [other, one];
    let sending = send(response, first);
    try {
      for (let turn = 1; this.at < this.bytes; turn++) {
        if (turn % PIECES_AT_A_TIME === 0) await setImmediate();
        if (sending === 'taken') [free, busy] = [busy, free];
        // One is read while the other one is sent.
        const filling = this.fill(free);
        const piece = Buffer.isBuffer(filling) ? filling : await filling;
        if (sending !== 'taken' && !(await sending)) return false;
        [free, busy] = [busy, free];
        sending = send(response, piece);
      }
    } catch {
      // The reader notices that it is not complete.
      response.destroy();
      return false;
    }
    if (sending !== 'taken' && !(await sending)) return false;
    response.end();
    return true;
  }

  private fill(buffer: Buffer): Buffer | Promise<Buffer> {
    const length = Math.min(buffer.length, this.bytes - this.at);
    const taken = (bytesRead: number): Buffer => {
      if (bytesRead === 0 && length > 0)
        throw new DteError('DTE_INTERNAL', `A stored file ended after ${this.at} of ${this.bytes} bytes.`);
      this.at += bytesRead;
      return buffer.subarray(0, bytesRead);
    };
    const reading = this.file.read(buffer, length, this.at);
    return typeof reading === 'number' ? taken(reading) : reading.then(taken);
  }
}

/** Their own memory: not a part of one that others use. */
const newBuffer = (): Buffer => Buffer.allocUnsafeSlow(SMALL_BYTES);

/** A promise resolves when the kernel has taken the piece; false: the reader is gone. */
type Sending = 'taken' | Promise<boolean>;

/** With its head, in one system call: an answer would otherwise wait for the end of this turn. */
function send(response: ServerResponse, piece: Buffer): Sending {
  // Of the socket: an answer that waits for the one before it does not hear when its connection ends.
  const { socket } = response.req;
  if (response.destroyed || socket.destroyed) return Promise.resolve(false);
  let onTaken = (_isTaken: boolean): void => undefined;
  const isFirstInLine = response.socket !== null;
  if (isFirstInLine) socket.cork();
  response.write(piece, (error) => onTaken(error === null || error === undefined));
  if (isFirstInLine) socket.uncork();
  // Nothing of this connection waits in this process.
  if (isFirstInLine && socket.writableLength === 0 && socket.errored === null) return 'taken';
  return new Promise((resolve) => {
    const onClose = (): void => resolve(false);
    socket.once('close', onClose);
    onTaken = (isTaken) => {
      socket.off('close', onClose);
      resolve(isTaken);
    };
  });
}
