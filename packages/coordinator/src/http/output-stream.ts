import type { ServerResponse } from 'node:http';
import { LIMITS } from '@org/dte-protocol';
import type { LiveOutput } from '../report/live-output';

/** What a reader has missed, because it was too slow. */
const GAP = '\n[... output was left out here ...]\n';

/**
 * Sends what a running task prints to one reader. What a slow reader does not take in time is left out, as for a main job: the
 * task's artifact has all of it.
 */
export class OutputStream {
  private stop: () => void = () => undefined;
  private missed = false;
  private over = false;

  constructor(
    of: { readonly output: LiveOutput | null; readonly runId: string; readonly taskId: string },
    private readonly response: ServerResponse,
    private readonly onClosed: () => void,
  ) {
    response.writeHead(200, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    response.flushHeaders();
    response.once('close', () => this.close());
    if (of.output === null) {
      this.end();
      return;
    }
    const stop = of.output.follow(of.runId, of.taskId, (text) => this.take(text));
    // It may be over already.
    if (this.over) stop();
    else this.stop = stop;
  }

  private take(text: string | null): void {
    if (text === null) {
      this.end();
      return;
    }
    if (this.response.writableLength > LIMITS.liveOutputBytes.value) {
      this.missed = true;
      return;
    }
    this.response.write(this.missed ? GAP + text : text);
    this.missed = false;
  }

  private end(): void {
    this.close();
    this.response.end();
    // A reader that does not take what is left is cut off: it counts no more, and would keep its connection.
    const { socket } = this.response;
    const timer = setTimeout(() => socket?.destroy(), LIMITS.linkCloseMs.value);
    this.response.once('close', () => clearTimeout(timer));
  }

  private close(): void {
    if (this.over) return;
    this.over = true;
    this.stop();
    this.onClosed();
  }
}
