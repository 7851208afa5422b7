import type { DiskKeeper } from '@org/dte-agent';
import { type LimitValues, type SessionInfo, plural } from '@org/dte-protocol';
import { availableParallelism } from 'node:os';
import type { Config } from '@org/dte-config';
import type { Voice } from '../report/say';
import { slotsHere } from './worker-demand';

/** The part of a `MainWorker` that is used. */
export interface Worker {
  readonly over: Promise<number>;
  drain(): void;
  stop(): Promise<void>;
}

export interface WorkerKeeperOptions {
  readonly config: Pick<Config, 'mainSlots' | 'expectedAgents'>;
  readonly limits: Pick<LimitValues, 'mainSlotsWaitMs'>;
  readonly disk: DiskKeeper;
  readonly voice: Pick<Voice, 'line'>;
  readonly start: (slots: number) => Worker;
}

/** Starts the main job's own worker when it is needed, and stops it when enough agents have joined. */
export class WorkerKeeper {
  private worker: Worker | null = null;
  private agents: SessionInfo['agents'] | null = null;
  private released = 0;
  private isDraining = false;
  private closed = false;
  private failed = false;
  private timer: NodeJS.Timeout | null = null;
  private readonly sinceMs = Date.now();

  constructor(private readonly options: WorkerKeeperOptions) {}

  /** The run has started. */
  begin(): void {
    const { config, limits } = this.options;
    if (config.mainSlots === 'auto') this.timer = setTimeout(() => this.look(), limits.mainSlotsWaitMs + 1);
    this.look();
  }

  onSession({ agents, released = 0 }: Pick<SessionInfo, 'agents' | 'released'>): void {
    this.agents = agents;
    this.released = released;
    this.look();
  }

  /** When it resolves, nothing runs here any more. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.worker?.stop();
  }

  private look(): void {
    const { config, limits, voice, start } = this.options;
    if (this.closed || this.failed) return;
    const slots = slotsHere({
      config,
      agents: this.agents,
      released: this.released,
      elapsedMs: Date.now() - this.sinceMs,
      mainSlotsWaitMs: limits.mainSlotsWaitMs,
      cores: availableParallelism(),
    });
    if (slots > 0 && this.worker === null) {
      if (config.mainSlots === 'auto')
        voice.line(`dte: fewer agents than expected: this job takes tasks too, ${plural(slots, 'slot')}`);
      this.worker = start(slots);
      this.watch(this.worker);
    } else if (slots === 0 && this.worker !== null && !this.isDraining) {
      voice.line('dte: the agents are connected: this job takes no more tasks');
      this.isDraining = true;
      this.worker.drain();
    }
  }

  private watch(worker: Worker): void {
    void worker.over
      .catch(() => 1)
      .then((exitCode) => {
        this.worker = null;
        this.isDraining = false;
        // It was rejected, or had no executors: that would happen again, and the agents do the work.
        this.failed = exitCode !== 0;
        this.look();
      });
  }
}
