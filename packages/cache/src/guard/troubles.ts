import type { CacheArea } from '../port/shared-cache';
import type { Clock } from './clock';

/**
 * - away: the store does not answer, or too late, or refuses
 * - full: results do not fit, or do not arrive fast enough
 * - damaged: what it has is not what was stored
 * - note: anything else that the store has to say, each line on its own
 */
export type TroubleKind = 'away' | 'full' | 'damaged' | 'note';

/** What people should know of a store. */
export interface CacheTrouble {
  readonly kind: TroubleKind;
  /** What happened, and what it means: one sentence without a full stop. */
  readonly line: string;
  /** It goes on until it is over. */
  readonly lasts: boolean;
  /** Null: it is everybody's. */
  readonly project: Pick<CacheArea, 'issuer' | 'projectId'> | null;
}

export interface TroublesOptions {
  readonly clock: Clock;
  /** At most one line of a kind in this time, however often there is trouble. */
  readonly pauseMs: number;
  /** For whoever runs this process. */
  readonly say: (line: string) => void;
  /** For those whose results are concerned: at each trouble, whether it was said or not. */
  readonly tell: (trouble: CacheTrouble) => void;
  /** The trouble of this kind that went on is over. */
  readonly over: (kind: TroubleKind) => void;
}

/** One line for each kind of trouble, whatever has it: reading and writing have the same store. */
export class Troubles {
  /** Who has trouble with a store that is away, as long as it goes on. */
  private readonly away = new Set<string>();
  private readonly saidAtMs = new Map<TroubleKind, number>();

  constructor(private readonly options: TroublesOptions) {}

  /** @param who reading or writing */
  begin(who: string, line: string): void {
    const isNew = this.away.size === 0;
    this.away.add(who);
    if (isNew) this.happened({ kind: 'away', line, lasts: true, project: null });
  }

  /** @param news what is said if nobody has trouble any more; null: it was short */
  end(who: string, news: string | null): void {
    if (!this.away.delete(who) || this.away.size > 0) return;
    this.options.over('away');
    if (news !== null) this.options.say(news);
  }

  happened(trouble: CacheTrouble): void {
    const { clock, pauseMs, say, tell } = this.options;
    const nowMs = clock.now();
    tell(trouble);
    const { kind, line } = trouble;
    if (kind !== 'note') {
      if (nowMs - (this.saidAtMs.get(kind) ?? -Infinity) < pauseMs) return;
      this.saidAtMs.set(kind, nowMs);
    }
    say(`${line}.`);
  }
}
