import { type LimitValues, type Welcome, DteError } from '@org/dte-protocol';
import { type RawData, type WebSocket } from 'ws';
import { type Channel, type Credentials, type HelloClaims, clientHandshake } from './client-handshake';
import { type FrameSink } from './outbox';

/** One WebSocket from its opening to its end; it never comes back. */
export interface Link extends FrameSink {
  /** Says what was written, then ends. No event follows. */
  close(): void;
}

export interface LinkEvents {
  /** The handshake is over. Called once, before any `onFrame`. */
  onWelcome(welcome: Welcome): void;
  onFrame(frame: string): void;
  /** The end, and why. Called once, unless `close` was called first. */
  onEnd(error: DteError): void;
}

interface LinkOptions {
  readonly hello: HelloClaims;
  readonly credentials: Credentials;
  readonly channel: Channel;
  readonly limits: LimitValues;
}

/** A peer silent for so many heartbeats is gone, whatever TCP believes. */
const SILENT_HEARTBEATS = 3;
/** A closing handshake that the peer does not answer is cut off. */
const CLOSE_MS = 1_000;

const textOf = (data: RawData): string =>
  Array.isArray(data) ? Buffer.concat(data).toString('utf8') : Buffer.from(data as Buffer).toString('utf8');

export function openLink(socket: WebSocket, options: LinkOptions, events: LinkEvents): Link {
  const { limits } = options;
  const handshake = clientHandshake(options.hello, options.credentials, options.channel);
  /** Of what comes after a welcome that is still being verified; null at all other times. */
  let held: string[] | null = null;
  let welcomed = false;
  let ended = false;
  let alive = true;
  let silent = 0;
  let heartbeat: NodeJS.Timeout | null = null;
  const patience = setTimeout(() => {
    end(
      new DteError(
        'DTE_NO_COORDINATOR',
        `The coordinator did not complete the handshake in ${limits.handshakeMs} ms.`,
      ),
    );
  }, limits.handshakeMs);

  function stopTimers(): void {
    clearTimeout(patience);
    if (heartbeat !== null) clearInterval(heartbeat);
  }

  function end(error: DteError): void {
    if (ended) return;
    ended = true;
    stopTimers();
    socket.terminate();
    events.onEnd(error);
  }

  /** Our own pings make the peer talk, so that silence means something even when there is nothing to say. */
  function beat(): void {
    silent = alive ? 0 : silent + 1;
    alive = false;
    if (silent >= SILENT_HEARTBEATS) {
      end(new DteError('DTE_NO_COORDINATOR', 'The coordinator has been silent for three heartbeats.'));
    } else {
      socket.ping();
    }
  }

  function receive(frame: string): void {
    if (held !== null) {
      held.push(frame);
    } else if (welcomed) {
      events.onFrame(frame);
    } else {
      const step = handshake.receive(frame);
      if ('send' in step) socket.send(step.send);
      else void accept(step.welcome);
    }
  }

  async function accept(welcome: Welcome): Promise<void> {
    held = [];
    // No more than what is under way already is held: nobody has proven anything to us yet.
    socket.pause();
    try {
      await handshake.verify(welcome);
    } catch (thrown) {
      end(DteError.from(thrown));
    }
    if (ended) return;
    const frames = held;
    held = null;
    welcomed = true;
    clearTimeout(patience);
    heartbeat = setInterval(beat, welcome.heartbeatMs);
    events.onWelcome(welcome);
    for (const frame of frames) take(frame);
    socket.resume();
  }

  function take(frame: string): void {
    if (ended) return;
    try {
      receive(frame);
    } catch (thrown) {
      end(DteError.from(thrown));
    }
  }

  const heard = () => (alive = true);
  socket.on('ping', heard);
  socket.on('pong', heard);
  socket.on('message', (data) => {
    heard();
    take(textOf(data));
  });
  // Also frames above maxPayload end here, and refused upgrades (a proxy, a coordinator that is just starting).
  socket.on('error', (cause) => {
    const tooLarge = (cause as NodeJS.ErrnoException).code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';
    end(
      tooLarge
        ? new DteError(
            'DTE_FRAME_TOO_LARGE',
            `The coordinator sent a frame above ${limits.frameBytes} bytes.`,
            { cause },
          )
        : new DteError(
            'DTE_NO_COORDINATOR',
            `The coordinator cannot be reached: ${cause.message || cause.name}.`,
            { cause },
          ),
    );
  });
  socket.on('close', () => end(new DteError('DTE_NO_COORDINATOR', 'The coordinator closed the connection.')));

  return {
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    write(frame, done) {
      socket.send(frame, (error) => {
        if (!error) done();
      });
    },
    close() {
      if (ended) return;
      ended = true;
      stopTimers();
      if (socket.readyState !== socket.OPEN) {
        socket.terminate();
        return;
      }
      socket.close(1000);
      const cut = setTimeout(() => socket.terminate(), CLOSE_MS);
      socket.once('close', () => clearTimeout(cut));
    },
  };
}
