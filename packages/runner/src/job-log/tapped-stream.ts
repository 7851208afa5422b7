import { isUtf8 } from 'node:buffer';

type Done = (error?: Error | null) => void;
type Write = (chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done) => boolean;

/** A stream of this process, as far as it is used here. */
export interface TextStream {
  write: NodeJS.WriteStream['write'];
}

/** What is written instead of a text; null: nothing. */
export type Filter = (text: string) => string | null;

/**
 * Passes everything that this process writes to a stream through a filter. Bytes that are not
 * text arrive as Latin-1, so that none is lost; what a filter looks for is ASCII.
 */
export class TappedStream {
  private readonly original: Write;
  private readonly tapped: TextStream['write'];
  private readonly before: TextStream['write'];
  private filter: Filter | null;

  constructor(
    private readonly stream: TextStream,
    filter: Filter,
  ) {
    this.filter = filter;
    this.before = stream.write;
    this.original = stream.write.bind(stream) as Write;
    this.tapped = (chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done) =>
      this.onWrite(chunk, encoding, done);
    stream.write = this.tapped;
  }

  /** Past the filter. */
  write(text: string): void {
    this.original(text);
  }

  /** If somebody else has replaced the method since, this one stays behind it and changes nothing any more. */
  close(): void {
    this.filter = null;
    if (this.stream.write === this.tapped) this.stream.write = this.before;
  }

  private onWrite(chunk: string | Uint8Array, encoding?: BufferEncoding | Done, done?: Done): boolean {
    const { filter } = this;
    if (filter === null) return this.original(chunk, encoding, done);
    const text = typeof chunk === 'string' ? filter(chunk) : filtered(filter, chunk);
    if (text !== null) return this.original(text, encoding, done);
    const told = typeof encoding === 'function' ? encoding : done;
    if (told !== undefined) process.nextTick(told);
    return true;
  }
}

function filtered(filter: Filter, bytes: Uint8Array): Uint8Array | null {
  const code = isUtf8(bytes) ? 'utf8' : 'latin1';
  const text = filter(Buffer.from(bytes).toString(code));
  return text === null ? null : Buffer.from(text, code);
}
