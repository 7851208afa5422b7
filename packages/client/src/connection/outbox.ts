import { type Message, encode } from '@org/dte-protocol';

/** What an outbox writes to. */
export interface FrameSink {
  /** Bytes that were passed on and not yet accepted by the operating system. */
  readonly bufferedBytes: number;
  /** `done` is called when the frame has left; never if the connection broke. */
  write(frame: string, done: () => void): void;
}

/** Bytes that the socket is given at a time, so that a state message never waits behind more output than this. Not configurable: the rest waits in the outbox. */
const SOCKET_WINDOW_BYTES = 256 * 1024;

/** State messages; a newer one of the same subject makes an older one useless. */
function subjectOf(message: Message): string {
  switch (message.type) {
    case 'main.sync':
      return `main.sync ${message.runId}`;
    default:
      return message.type;
  }
}

/**
 * The bounded queue of a connection. Only the newest state message of each subject is kept; state messages go first,
 * also after a reconnect. Output is kept up to `maxOutputBytes`, and refused above that and without a connection: it is
 * best effort, and its offsets show the gap.
 */
export class Outbox {
  private sink: FrameSink | null = null;
  private readonly states = new Map<string, Message>();
  private readonly output: string[] = [];
  private outputBytes = 0;

  constructor(private readonly maxOutputBytes: number) {}

  /** False if the message was refused. */
  push(message: Message): boolean {
    if (message.type === 'agent.output' || message.type === 'run.output') {
      if (this.sink === null || this.outputBytes + message.data.length > this.maxOutputBytes) return false;
      const frame = encode(message);
      this.output.push(frame);
      this.outputBytes += frame.length;
    } else {
      this.states.set(subjectOf(message), message);
    }
    this.pump();
    return true;
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
    this.pump();
  }

  /** Drops queued output; state messages stay for the next connection. */
  detach(): void {
    this.sink = null;
    this.output.length = 0;
    this.outputBytes = 0;
  }

  private pump(): void {
    const sink = this.sink;
    if (sink === null) return;
    while (sink.bufferedBytes < SOCKET_WINDOW_BYTES) {
      const frame = this.take();
      if (frame === null) return;
      sink.write(frame, () => {
        if (this.sink === sink) this.pump();
      });
    }
  }

  private take(): string | null {
    for (const [subject, message] of this.states) {
      this.states.delete(subject);
      return encode(message);
    }
    const frame = this.output.shift();
    if (frame === undefined) return null;
    this.outputBytes -= frame.length;
    return frame;
  }
}
