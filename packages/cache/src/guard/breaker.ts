import { DteError } from '@org/dte-protocol';
import { type Clock, within } from './clock';
import type { Troubles } from './troubles';

/** Faults in a row after which a store is left alone. One may be chance, and two its consequence. */
const FAULTS = 3;
/** A unit. */
const MS_PER_S = 1_000;

/**
 * - closed: the store is used
 * - open: it is left alone until then
 * - trying: the time is over, and one caller tries it; the others still do without it
 */
type State =
  | { readonly name: 'closed'; readonly faults: number }
  | { readonly name: 'open'; readonly untilMs: number }
  | { readonly name: 'trying' };

export interface BreakerOptions {
  readonly clock: Clock;
  /** How long a store is left alone. */
  readonly breakMs: number;
  readonly troubles: Pick<Troubles, 'begin' | 'end'>;
  /** What a line is about: "The shared cache (the bucket s3://x)". */
  readonly store: string;
  /** What cannot be done: "read". */
  readonly what: string;
  /** What follows from it for those who ask: "they count as misses". */
  readonly means: string;
}

/** Keeps a store that fails from costing time again and again. */
export class Breaker {
  private state: State = { name: 'closed', faults: 0 };

  constructor(private readonly options: BreakerOptions) {}

  /** Nobody tries the store now. */
  get isLeftAlone(): boolean {
    const { state } = this;
    return state.name === 'open' && this.options.clock.now() < state.untilMs;
  }

  /** Undefined: the store is left alone, or the work failed or took too long. Never rejects. */
  async run<T>(ms: number, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
    if (!this.enter()) return undefined;
    const { clock } = this.options;
    try {
      const result = await within(work, { clock, ms, late: `no answer within ${ms} ms` });
      this.good();
      return result;
    } catch (thrown) {
      this.fault(thrown);
      return undefined;
    }
  }

  /** For work that outlives its call, such as the reading of a stream. */
  fault(thrown: unknown): void {
    const { clock, breakMs, troubles, store, what, means } = this.options;
    const { state } = this;
    if (state.name === 'open') return;
    const faults = state.name === 'closed' ? state.faults + 1 : FAULTS;
    this.state =
      faults < FAULTS ? { name: 'closed', faults } : { name: 'open', untilMs: clock.now() + breakMs };
    const s = Math.round(breakMs / MS_PER_S);
    troubles.begin(
      what,
      `${store} could not be ${what} (${messageOf(thrown)}): ${means}. After ${FAULTS} faults in a row it is left alone for ${s} s at a time`,
    );
  }

  private good(): void {
    const { troubles, store, what } = this.options;
    // A late answer to a question from before says nothing about now.
    if (this.state.name === 'open') return;
    const wasLeftAlone = this.state.name === 'trying';
    this.state = { name: 'closed', faults: 0 };
    troubles.end(what, wasLeftAlone ? `${store} works again.` : null);
  }

  private enter(): boolean {
    const { state } = this;
    if (state.name === 'closed') return true;
    if (state.name === 'trying' || this.options.clock.now() < state.untilMs) return false;
    this.state = { name: 'trying' };
    return true;
  }
}

const messageOf = (thrown: unknown): string => DteError.from(thrown).message.replace(/\.$/, '');
