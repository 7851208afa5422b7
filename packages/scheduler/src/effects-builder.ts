import type { HistoryEvent } from './interface';

/**
 * What a step has to say so far. Messages are built once, at its end, from the state it leads to: a step that changes
 * an agent's work five times tells it once.
 */
export class EffectsBuilder {
  readonly events: HistoryEvent[] = [];
  /** Agents to be told. */
  readonly agents = new Set<string>();
  /** Runs with news. */
  readonly runs = new Set<string>();
  /** Runs whose main job asked: to be answered even without news. */
  readonly asked = new Set<string>();

  /** The sync this step takes, if any. */
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
