import type { Readable } from 'node:stream';
import type { DirectWrite, StagedBytes, StagedName, StagedState } from '../port/staged-bytes';
import type { Breaker } from './breaker';
import { type Clock, within } from './clock';
import { watchedBody } from './watched-body';

export interface GuardedStagingOptions {
  readonly breaker: Breaker;
  readonly clock: Clock;
  /** How long a question and the next piece of a body may take. */
  readonly questionMs: number;
  readonly say: (line: string) => void;
  /** What lines are about. */
  readonly store: string;
}

/**
 * The part of a store into which jobs write themselves, as `GuardedCache` is for the rest: trouble is an answer. A store that cannot
 * tell what it was given is not used for it again.
 */
export class GuardedStaging {
  private isProvable = true;

  constructor(
    private readonly inner: StagedBytes,
    private readonly options: GuardedStagingOptions,
  ) {}

  /** False: nobody should ask for addresses of this store again. */
  get isOn(): boolean {
    return this.isProvable;
  }

  get maxBytes(): number {
    return this.inner.maxBytes;
  }

  /** Null: not now. */
  async addressFor(name: StagedName): Promise<DirectWrite | null> {
    if (!this.isOn || this.options.breaker.isLeftAlone) return null;
    return this.inTime(() => this.inner.writeDirectly(name));
  }

  /** Does the store have exactly these bytes, by its own word? `unknown`: it does not answer. */
  async look(name: StagedName): Promise<Exclude<StagedState, 'unproven'> | 'unknown'> {
    const { breaker, questionMs } = this.options;
    const state = await breaker.run(questionMs, (signal) => this.inner.look(name, signal));
    if (state === undefined) return 'unknown';
    if (state !== 'unproven') return state;
    this.noProof();
    return 'other';
  }

  /** Where they can be read without this process; null: nowhere. Nothing is asked, so it says nothing of whether they are there. */
  async readDirectly(name: StagedName): Promise<string | null> {
    return (await this.inTime(() => this.inner.readDirectly(name)))?.url ?? null;
  }

  /**
   * The bytes; null if they are gone or the store does not answer. A store that is left alone is asked as well: a session needs its own
   * artifacts more than those of others.
   */
  async read(name: StagedName): Promise<Readable | null> {
    const { clock, questionMs: stallMs, breaker } = this.options;
    const onFault = (thrown: unknown): void => breaker.fault(thrown);
    const body = await this.inTime(async (signal) => {
      const opened = await this.inner.read(name, signal);
      // Too late: nobody reads it.
      if (signal.aborted) opened?.destroy();
      return opened;
    });
    return body === null ? null : watchedBody(body, name.bytes, { clock, stallMs, onFault });
  }

  /** Never rejects: what stays is removed with its place. */
  async remove(name: StagedName): Promise<void> {
    await this.inTime((signal) => this.inner.remove(name, signal));
  }

  /** Removes what is in a place, as far as the store answers. Never rejects: a lifecycle rule removes what stays. */
  async clear(place: string): Promise<void> {
    await this.inner.clear(place, new AbortController().signal).catch((thrown: unknown) => {
      this.options.breaker.fault(thrown);
    });
  }

  private async inTime<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T | null> {
    const { clock, questionMs: ms, breaker } = this.options;
    try {
      return await within(work, { clock, ms, late: `no answer within ${ms} ms` });
    } catch (thrown) {
      breaker.fault(thrown);
      return null;
    }
  }

  private noProof(): void {
    if (!this.isProvable) return;
    this.isProvable = false;
    const { say, store } = this.options;
    say(
      `${store} does not keep the SHA-256 of what is written to it (x-amz-checksum-sha256), so it cannot prove what a job has put there: jobs send their artifacts through this coordinator.`,
    );
  }
}
