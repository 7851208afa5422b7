import type { AgentOutput, Message } from '@org/dte-protocol';
import type { LiveOutput } from '../report/live-output';
import type { Peer } from './peer';

/** The connections of a session, and which main job follows which run. Makes no decisions; the scheduler does. */
export class Members {
  readonly agents = new Map<string, Peer>();
  readonly mains = new Set<Peer>();
  readonly observers = new Set<Peer>();
  private readonly followers = new Map<string, Peer>();

  constructor(
    private readonly outputBufferBytes: number,
    /** Null: nobody looks at it but the main job. */
    private readonly liveOutput: LiveOutput | null,
  ) {}

  get size(): number {
    return this.agents.size + this.mains.size + this.observers.size;
  }

  /** How many agents there are without this one. */
  agentsBeside(agentId: string): number {
    return this.agents.size - Number(this.agents.has(agentId));
  }

  /** What an agent said about itself; null if it is not connected. */
  machineOf(agentId: string): Pick<Peer['hello'], 'jobUrl' | 'slots' | 'labels'> | null {
    const hello = this.agents.get(agentId)?.hello;
    return hello === undefined ? null : { jobUrl: hello.jobUrl, slots: hello.slots, labels: hello.labels };
  }

  all(): Peer[] {
    return [...this.agents.values(), ...this.mains, ...this.observers];
  }

  /** From now on, this main job gets the updates of the run. */
  follow(runId: string, main: Peer): void {
    if (this.mains.has(main)) this.followers.set(runId, main);
  }

  follower(runId: string): Peer | null {
    return this.followers.get(runId) ?? null;
  }

  /** Forgets which runs a main job followed, and returns them. */
  unfollowAll(main: Peer): string[] {
    const runIds = [...this.followers].filter(([, peer]) => peer === main).map(([runId]) => runId);
    for (const runId of runIds) this.followers.delete(runId);
    return runIds;
  }

  /** Sends to every main job and observer. */
  broadcast(message: Message): void {
    for (const peer of this.mains) peer.send(message);
    for (const peer of this.observers) peer.send(message);
  }

  /**
   * Relays live output. It is not journaled, and is dropped while the main job is behind: the offsets show the gap, and
   * the task's artifact has the complete output.
   */
  relay(piece: AgentOutput): void {
    this.liveOutput?.take(piece);
    const { runId, taskId, attempt, offset, data, last } = piece;
    const main = this.follower(runId);
    if (main === null || main.bufferedBytes() + data.length > this.outputBufferBytes) return;
    main.send({ type: 'run.output', runId, taskId, attempt, offset, data, last });
  }
}
