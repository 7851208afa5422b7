import {
  type Heard,
  type Input,
  isAwaited,
  isHeartbeat,
  ownWords,
  type SchedulerState,
} from '@org/dte-scheduler';

/**
 * Decides which messages of a batch become inputs and are stored. Heartbeat syncs do not: a hundred agents send one
 * every few seconds for hours. Instead, the time of each agent's last message is kept here and becomes one input before
 * the next input of another kind, if anything depends on it. Nothing is decided in between, not even that a lease has
 * expired, because that is an input as well; so a replay of the inputs still gives the same state. If this process
 * crashes first, the agents have a full lease to reconnect (`session.restored`).
 */
export class Intake {
  /** Agent -> time of its last message, ms since the epoch. */
  private readonly heardAtMs = new Map<string, number>();

  /** @param peerOf the peer of an input; null: none */
  constructor(private readonly peerOf: (input: Input) => string | null) {}

  /** The inputs of a batch, judged by the state before all of them. */
  take(state: SchedulerState, batch: readonly Input[], nowMs: number): Input[] {
    const spoken = new Set<string>();
    const inputs = batch.flatMap((input): Input[] => {
      const peer = this.peerOf(input);
      const isFirst = peer === null || !spoken.has(peer);
      if (peer !== null) spoken.add(peer);
      if (input.type !== 'agent.sync') return [input];
      const { agentId, sync } = input;
      // Messages of different peers have no order, so a heartbeat may come before the rest of the batch. A message of
      // an agent after another one of its own is judged after that one was applied, and is an input.
      if (isFirst && isHeartbeat(state, agentId, sync)) {
        this.heardAtMs.set(agentId, nowMs);
        return [];
      }
      const own = ownWords(state, agentId, sync);
      return [own === sync ? input : { ...input, sync: own }];
    });
    return inputs.length === 0 ? [] : [...this.heard(state, nowMs), ...inputs];
  }

  private heard(state: SchedulerState, nowMs: number): Input[] {
    const agoMs: Record<string, Heard[string]> = {};
    for (const [agentId, atMs] of this.heardAtMs)
      if (isAwaited(state, agentId)) agoMs[agentId] = Math.max(0, nowMs - atMs);
    this.heardAtMs.clear();
    return Object.keys(agoMs).length === 0 ? [] : [{ type: 'agents.heard', agoMs }];
  }
}
