import { type LimitValues, type Rendezvous, type RendezvousReport, DteError } from '@org/dte-protocol';
import { type ConnectionState, type Unreached } from '@org/dte-client';

export interface UnreachableOptions {
  readonly limits: Pick<LimitValues, 'unreachableMs' | 'rendezvousRequestMs'>;
  readonly rendezvous: Pick<Rendezvous, 'isAddressGiven' | 'report'>;
  readonly sessionId: string;
  /** Of this agent, for people. */
  readonly name: string;
  readonly jobUrl: string | null;
  /** Said to the rendezvous already. Called at most once. */
  onUnreachable(error: DteError): void;
}

/** How much of an error is reported to the main job. No limit to set: it has to fit into the schema of such a report. */
const MESSAGE_CHARS = 2_000;

/**
 * Finds out that the address of the main job's coordinator leads nowhere from here: the network between jobs is closed,
 * as it is between hosted runners, and waiting would not open it. The only place left where the main job can hear of it
 * is the rendezvous. An address given by a person is waited for: that service may just be starting.
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
      // It can be reached. If it goes away it is lost, which is another matter.
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
    // Only a help for the main job, which gives up by itself later.
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
