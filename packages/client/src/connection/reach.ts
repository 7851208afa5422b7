import { type CoordinatorAddress, type DteError } from '@org/dte-protocol';

/** An address at which nothing answers. */
export interface Unreached {
  readonly generation: string;
  readonly urls: readonly string[];
  /** Time of the first try, in ms since the epoch. */
  readonly sinceMs: number;
}

/** What a connection knows about its address. Another generation is another coordinator. */
export class Reach {
  private current: Unreached | null = null;
  private answered = false;
  private lastUrl: string | null = null;
  private impostorSinceMs: number | null = null;

  constructor(private readonly pinPatienceMs: number) {}

  /** No connection could be opened yet; null if one could, or if there is nothing to connect to. */
  get unreached(): Unreached | null {
    return this.answered ? null : this.current;
  }

  /** A try begins. Returns the addresses in the order to try them: first the one that answered before. */
  begin({ urls, generation }: CoordinatorAddress, nowMs: number): readonly string[] {
    if (this.current?.generation !== generation) {
      this.forget();
      this.current = { generation, urls, sinceMs: nowMs };
    }
    const best = this.lastUrl;
    return best === null || !urls.includes(best) ? urls : [best, ...urls.filter((url) => url !== best)];
  }

  reached(url: string): void {
    this.answered = true;
    this.lastUrl = url;
    this.impostorSinceMs = null;
  }

  /** There is no address any more. */
  forget(): void {
    this.current = null;
    this.answered = false;
    this.impostorSinceMs = null;
  }

  /** Whether a fatal error is final. A wrong key may be that of a retried main job, on the same port, that has not published it yet. */
  isFinal(error: DteError, nowMs: number): boolean {
    if (error.code !== 'DTE_PIN_MISMATCH') return true;
    this.impostorSinceMs ??= nowMs;
    return nowMs - this.impostorSinceMs >= this.pinPatienceMs;
  }
}
