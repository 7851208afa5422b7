import type { HistoryEvent } from './interface';

/**
 * Collects the messages of a step. They are built once, at the end of the step, from the resulting state: an agent
 * whose work changes five times in a step gets one message.
 */
export class EffectsBuilder {
  readonly events: HistoryEvent[] = [];
  /** Agents that get a message. */
  readonly agents = new Set<string>();
  /** Runs with updates. */
  readonly runs = new Set<string>();
  /** Runs whose main job asked: they get an answer even without updates. */
  readonly asked = new Set<string>();

  /** The sync that this step handles, if any. */
  answeredSync: { agentId: string; seq: number } | null = null;

  event(event: HistoryEvent): void {
    this.events.push(event);
  }

  tellAgent(agentId: string): void {
    this.agents.add(agentId);
  }

  tellRun(runId: string): void {
    this.runs.add(runId);
  }

  answerRun(runId: string): void {
    this.asked.add(runId);
  }
}
