import type { EndedStatus, MainSync, RunSpec, RunUpdate } from '@org/dte-protocol';
import type { MainLink, SimulatedCoordinator } from './simulated-coordinator';
import { SimulatedLink, type World } from './simulated-link';

/** On the simulated clock. */
const SYNC_MS = 5_000;

/** A main job with one command: submits its run, follows it to the end, and closes it. */
export class SimulatedMain {
  readonly statuses = new Map<string, EndedStatus>();
  /** Set when the main job has received everything. */
  outcome: 'finished' | 'cancelled' | null = null;
  #want: MainSync['want'] = 'follow';
  #seq = 0;
  #link: MainLink | null = null;
  #submitted = false;

  constructor(
    private readonly world: World,
    private readonly coordinator: SimulatedCoordinator,
    readonly spec: RunSpec,
    private readonly more: {
      readonly onOver?: () => void;
      readonly lateMs?: readonly (number | null)[] | undefined;
    } = {},
  ) {
    this.#connect();
    this.#beat();
  }

  cancel(): void {
    if (this.#want === 'follow') this.#want = 'cancel';
    this.#sync();
  }

  cut(): void {
    this.#link?.break();
  }

  #connect(): void {
    if (this.outcome !== null) return;
    this.#submitted ||= this.coordinator.submit(this.spec, this.more.lateMs);
    const link: MainLink = new SimulatedLink(this.world, {
      onMessage: (update) => this.#take(update),
      onClosed: () => this.#reconnect(link),
    });
    this.#link = link;
    if (this.#submitted && this.coordinator.connectMain(link)) this.#sync();
    else this.#reconnect(link);
  }

  #reconnect(link: MainLink): void {
    if (this.#link !== link) return;
    this.#link = null;
    this.world.clock.setTimeout(() => this.#connect(), this.world.random.int(100, 5_000));
  }

  #take({ fromSeq, entries, state }: RunUpdate): void {
    // A gap: the missing entries are sent again when the acknowledgement does not advance.
    if (fromSeq > this.#seq || this.outcome !== null) return;
    for (const entry of entries.slice(this.#seq - fromSeq)) {
      if (entry.seq !== this.#seq + 1) throw new Error(`Log entry ${entry.seq} follows ${this.#seq}.`);
      this.#seq = entry.seq;
      if (entry.type !== 'ended') continue;
      if (this.statuses.has(entry.taskId)) throw new Error(`${entry.taskId} ended twice.`);
      this.statuses.set(entry.taskId, entry.status);
    }
    // A message older than one already received does not show the current state of the run.
    if (state === 'running' || fromSeq + entries.length < this.#seq) return;
    this.outcome = state;
    this.more.onOver?.();
    this.#want = 'close';
    this.#sync();
    this.world.clock.setTimeout(() => this.#link?.break(), 2 * SYNC_MS);
  }

  #beat(): void {
    this.world.clock.setTimeout(() => {
      this.#sync();
      if (this.#link?.isOpen === true || this.outcome === null) this.#beat();
    }, SYNC_MS);
  }

  #sync(): void {
    const sync: MainSync = {
      type: 'main.sync',
      runId: this.spec.runId,
      ackSeq: this.#seq,
      want: this.#want,
    };
    this.#link?.sendUp(sync);
  }
}
