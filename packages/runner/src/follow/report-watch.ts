import type { RendezvousReport } from '@org/dte-protocol';

export interface ReportWatchOptions {
  readonly read: () => Promise<readonly RendezvousReport[]>;
  readonly everyMs: number;
  /** Called once, when there are some. */
  readonly onReports: (reports: readonly RendezvousReport[]) => void;
}

/**
 * Checks whether agents report that they cannot connect to this job, until there are reports or it is stopped. A
 * rendezvous that does not answer is asked again, like one without reports: without reports, the wait for agents ends
 * by itself.
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
