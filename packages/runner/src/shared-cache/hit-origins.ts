import type { HttpClient } from '@org/dte-client';
import type { CacheOrigin, RunLogEntry } from '@org/dte-protocol';
import { describeOrigin, originSummary } from './describe-origin';

/** A task that need not run. */
export interface HitOfOthers {
  readonly taskId: string;
  /** Set if another pipeline has made its result. */
  readonly origin?: CacheOrigin;
}

export interface HitOriginsOptions {
  readonly http: Pick<HttpClient, 'askHeld'>;
  readonly verbose: boolean;
  /** For the report. */
  readonly onOrigin: (taskId: string, origin: CacheOrigin) => void;
  readonly line: (text: string) => void;
}

/** Tells which results of a command other pipelines have made. */
export class HitOrigins {
  private readonly origins = new Map<string, CacheOrigin>();
  /** Task -> hash: an agent took the result from the coordinator, which knows where it comes from. */
  private readonly byAgents = new Map<string, string>();

  constructor(private readonly options: HitOriginsOptions) {}

  onHit({ taskId, origin }: HitOfOthers): void {
    if (origin !== undefined) this.tell(taskId, origin);
  }

  /** An agent that computes the hash of a task itself looks for its result itself. */
  onEntry(entry: RunLogEntry): void {
    if (entry.type !== 'ended' || entry.result?.kind !== 'finished') return;
    const { fromCache, hash } = entry.result;
    if (fromCache === 'remote-cache' && hash !== null) this.byAgents.set(entry.taskId, hash);
  }

  /**
   * Call it when the command is over. What is not known is not told.
   * @param ran whether a task ran after all: its hit was damaged, or gone
   */
  async finish(ran: (taskId: string) => boolean): Promise<void> {
    for (const taskId of this.origins.keys()) if (ran(taskId)) this.origins.delete(taskId);
    if (this.byAgents.size > 0) {
      const held = await this.options.http.askHeld([...new Set(this.byAgents.values())]).catch(() => null);
      for (const [taskId, hash] of this.byAgents) {
        const origin = held?.get(hash) ?? null;
        if (origin !== null) this.tell(taskId, origin);
      }
    }
    if (this.origins.size > 0) this.options.line(`dte: ${originSummary([...this.origins.values()])}`);
  }

  private tell(taskId: string, origin: CacheOrigin): void {
    const { verbose, onOrigin, line } = this.options;
    this.origins.set(taskId, origin);
    onOrigin(taskId, origin);
    if (verbose) line(`dte: from another pipeline: ${taskId}: ${describeOrigin(origin, Date.now())}`);
  }
}
