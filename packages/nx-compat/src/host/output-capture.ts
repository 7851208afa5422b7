import { StringDecoder } from 'node:string_decoder';

/**
 * In every version, Nx streams a task by writing to its own process's stdout and stderr; nothing else about it is
 * common to all of them. While one task runs, these two streams are captured.
 *
 * During that time, everything that the process prints counts as the task's output: an executor must log to another stream.
 */
export class OutputCapture {
  private restoreStreams: (() => void) | undefined;

  /** Diverts both streams until `stop`. Chunks are decoded, in the order in which they were written. */
  start(onChunk: (chunk: string) => void): void {
    const restores = [process.stdout, process.stderr].map((stream) => {
      const own = Object.getOwnPropertyDescriptor(stream, 'write');
      const decoder = new StringDecoder('utf8');
      const write = (
        chunk: string | Uint8Array,
        encodingOrDone?: unknown,
        done?: (error?: Error | null) => void,
      ): boolean => {
        const text = typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk));
        if (text.length > 0) onChunk(text);
        const callback = typeof encodingOrDone === 'function' ? (encodingOrDone as () => void) : done;
        if (callback) process.nextTick(callback);
        return true;
      };
      stream.write = write;
      return () => {
        // `write` is usually inherited; then the stream must not keep our own property.
        if (own) Object.defineProperty(stream, 'write', own);
        else Reflect.deleteProperty(stream, 'write');
      };
    });
    this.restoreStreams = () => {
      restores.forEach((restore) => {
        restore();
      });
    };
  }

  stop(): void {
    this.restoreStreams?.();
    this.restoreStreams = undefined;
  }
}
