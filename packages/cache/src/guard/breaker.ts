import { DteError } from '@org/dte-protocol';
import { type Clock, within } from './clock';

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
  /** One line for each change of the state, and for a fault that changes nothing at most one in `breakMs`. */
  readonly say: (line: string) => void;
  /** What a line is about: "The shared cache (the bucket s3://x) could not be asked". */
  readonly what: string;
  /** What follows from it for those who ask: "they count as misses". */
  readonly means: string;
}

/** Keeps a store that fails from costing time again and again. */
export class Breaker {
  private state: State = { name: 'closed', faults: 0 };
  private saidAtMs = -Infinity;

  constructor(private readonly options: BreakerOptions) {}

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
    const { clock, breakMs } = this.options;
    const { state } = this;
    if (state.name === 'open') return;
    const faults = state.name === 'closed' ? state.faults + 1 : FAULTS;
    if (faults < FAULTS) {
      this.state = { name: 'closed', faults };
      this.sayFault(thrown);
      return;
    }
    this.state = { name: 'open', untilMs: clock.now() + breakMs };
    // One that was tried in vain is no news.
    if (state.name === 'closed') this.sayOpen(thrown);
  }

  private good(): void {
    // A late answer to a question from before says nothing about now.
    if (this.state.name === 'open') return;
    if (this.state.name === 'trying') this.options.say(`${this.options.what}, and works again.`);
    this.state = { name: 'closed', faults: 0 };
  }

  private enter(): boolean {
    const { state } = this;
    if (state.name === 'closed') return true;
    if (state.name === 'trying' || this.options.clock.now() < state.untilMs) return false;
    this.state = { name: 'trying' };
    return true;
  }

  private sayFault(thrown: unknown): void {
    const { clock, breakMs, what, means, say } = this.options;
    if (clock.now() - this.saidAtMs < breakMs) return;
    this.saidAtMs = clock.now();
    say(`${what} (${messageOf(thrown)}): ${means}.`);
  }

  private sayOpen(thrown: unknown): void {
    const { breakMs, what, means, say } = this.options;
    const s = Math.round(breakMs / MS_PER_S);
    say(
      `${what} ${FAULTS} times in a row (the last time: ${messageOf(thrown)}) and is left alone for ${s} s at a time: ${means}.`,
    );
  }
}

const messageOf = (thrown: unknown): string => DteError.from(thrown).message.replace(/\.$/, '');
