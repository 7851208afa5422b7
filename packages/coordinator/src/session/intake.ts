import {
  type Heard,
  type Input,
  isAwaited,
  isHeartbeat,
  ownWords,
  type SchedulerState,
} from '@org/dte-scheduler';

/**
 * What of a batch of messages becomes inputs, and so is written down. Syncs that say nothing but that their agent is still
 * there are not: a hundred agents say it every few seconds for hours. When each was heard last is kept here instead, and
 * becomes one input before the next that is one, should anything depend on it. Nothing is decided in between, not even that
 * a lease has run out, since that is an input as well; so replaying the inputs still gives the same state. Should this
 * process die before, the agents have a whole lease to be heard of again (`session.restored`).
 */
export class Intake {
  /** Agent -> when it was heard of last, ms since the epoch. */
  private readonly heardAtMs = new Map<string, number>();

  /** @param peerOf whose an input is; null: nobody's */
  constructor(private readonly peerOf: (input: Input) => string | null) {}

  /** The inputs of a batch, as the state is before all of them. */
  take(state: SchedulerState, batch: readonly Input[], nowMs: number): Input[] {
    const spoken = new Set<string>();
    const inputs = batch.flatMap((input): Input[] => {
      const peer = this.peerOf(input);
      const isFirst = peer === null || !spoken.has(peer);
      if (peer !== null) spoken.add(peer);
      if (input.type !== 'agent.sync') return [input];
      const { agentId, sync } = input;
      // What different peers say has no order: that it comes before the rest of the batch is as good as any other. What an
      // agent says after something else of its own is judged when that has happened, and is an input.
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
