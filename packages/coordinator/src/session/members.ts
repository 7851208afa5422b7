import type { AgentOutput, Message } from '@org/dte-protocol';
import type { Peer } from './peer';

/**
 * Who is connected to a session, and which main job follows which run. Holds no decisions: those are the
 * scheduler's.
 */
export class Members {
  readonly agents = new Map<string, Peer>();
  readonly mains = new Set<Peer>();
  readonly observers = new Set<Peer>();
  private readonly followers = new Map<string, Peer>();

  constructor(private readonly outputBufferBytes: number) {}

  get size(): number {
    return this.agents.size + this.mains.size + this.observers.size;
  }

  all(): Peer[] {
    return [...this.agents.values(), ...this.mains, ...this.observers];
  }

  /** From now on news of the run go to this main job. */
  follow(runId: string, main: Peer): void {
    if (this.mains.has(main)) this.followers.set(runId, main);
  }

  follower(runId: string): Peer | null {
    return this.followers.get(runId) ?? null;
  }

  /** Forgets which runs a main job followed, and names them. */
  unfollowAll(main: Peer): string[] {
    const runIds = [...this.followers].filter(([, peer]) => peer === main).map(([runId]) => runId);
    for (const runId of runIds) this.followers.delete(runId);
    return runIds;
  }

  /** To every main job and observer. */
  broadcast(message: Message): void {
    for (const peer of this.mains) peer.send(message);
    for (const peer of this.observers) peer.send(message);
  }

  /**
   * Passes live output on. Not journalled, and dropped while the main job is behind: it sees the gap by the offsets
   * and has the whole output with the task's artifact.
   */
  relay({ runId, taskId, attempt, offset, data, last }: AgentOutput): void {
    const main = this.follower(runId);
    if (main === null || main.bufferedBytes() + data.length > this.outputBufferBytes) return;
    main.send({ type: 'run.output', runId, taskId, attempt, offset, data, last });
  }
}
