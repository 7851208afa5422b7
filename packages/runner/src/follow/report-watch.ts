import type { RendezvousReport } from '@org/dte-protocol';

export interface ReportWatchOptions {
  readonly read: () => Promise<readonly RendezvousReport[]>;
  readonly everyMs: number;
  /** Called with some, once. */
  readonly onReports: (reports: readonly RendezvousReport[]) => void;
}

/**
 * Looks whether agents report that they cannot reach this job, until there are such reports or somebody stops it. A
 * rendezvous that does not answer is asked again like one that has nothing to say: without reports the wait for agents
 * ends by itself.
 */
export class ReportWatch {
  private timer: NodeJS.Timeout | undefined;
  private over = false;

  constructor(private readonly options: ReportWatchOptions) {
    this.timer = setTimeout(() => void this.look(), 0);
  }

  stop(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  private async look(): Promise<void> {
    const reports = await this.options.read().catch(() => []);
    if (this.over) return;
    if (reports.length === 0) {
      this.timer = setTimeout(() => void this.look(), this.options.everyMs);
      return;
    }
    this.over = true;
    this.options.onReports(reports);
  }
}
