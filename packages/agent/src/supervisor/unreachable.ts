import { type LimitValues, type Rendezvous, type RendezvousReport, DteError } from '@org/dte-protocol';
import { type ConnectionState, type Unreached } from '@org/dte-client';

export interface UnreachableOptions {
  readonly limits: Pick<LimitValues, 'unreachableMs' | 'rendezvousRequestMs'>;
  readonly rendezvous: Pick<Rendezvous, 'isAddressGiven' | 'report'>;
  readonly sessionId: string;
  /** Name of this agent, for people. */
  readonly name: string;
  readonly jobUrl: string | null;
  /** The rendezvous was informed already. Called at most once. */
  onUnreachable(error: DteError): void;
}

/** How much of an error is reported to the main job. Not configurable: it has to fit into the schema of such a report. */
const MESSAGE_CHARS = 2_000;

/**
 * Detects that this agent cannot connect to the address of the main job's coordinator: the network between jobs is
 * closed, as between hosted runners, and waiting would not help. The rendezvous is then the only way to inform the main
 * job. If the address is configured, the agent keeps waiting: that service may be starting.
 */
export class UnreachableWatch {
  private unreached: Unreached | null = null;
  private why = '';
  private timer: NodeJS.Timeout | null = null;
  private over = false;

  constructor(private readonly options: UnreachableOptions) {}

  onConnection(state: ConnectionState): void {
    if (this.over || this.options.rendezvous.isAddressGiven) return;
    if (state.name === 'open') {
      // It can be reached. If it disappears later, it is lost, which is a different case.
      this.close();
      return;
    }
    this.unreached = state.name === 'connecting' ? state.unreached : null;
    if (state.name === 'connecting' && state.lastError !== null) this.why = state.lastError.message;
    this.watch();
  }

  /** Frees the timer. */
  close(): void {
    this.over = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private watch(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.unreached === null) return;
    const { generation, sinceMs } = this.unreached;
    const leftMs = sinceMs + this.options.limits.unreachableMs - Date.now();
    this.timer = setTimeout(() => void this.giveUp(generation), Math.max(0, leftMs));
  }

  private async giveUp(generation: string): Promise<void> {
    const { limits, rendezvous, sessionId, name, jobUrl } = this.options;
    this.close();
    const message = this.why.slice(0, MESSAGE_CHARS);
    const report: RendezvousReport = { version: 1, name, jobUrl, message, atMs: Date.now() };
    // This only helps the main job, which times out later anyway.
    await inTime(rendezvous.report(sessionId, generation, report), limits.rendezvousRequestMs);
    const seconds = limits.unreachableMs / 1000;
    this.options.onUnreachable(
      new DteError(
        'DTE_UNREACHABLE',
        `This job could not reach the coordinator of the main job for ${seconds} s (DTE_UNREACHABLE_MS): the main job was killed, or the runners block incoming connections. ${this.why}`,
      ),
    );
  }
}

/** Resolves when the promise settles, or after `ms`. */
async function inTime(promise: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([promise.catch(() => undefined), patience]);
  clearTimeout(timer);
}
