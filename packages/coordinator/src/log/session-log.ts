import type { DteError, RunSpec } from '@org/dte-protocol';
import type { HistoryEvent } from '@org/dte-scheduler';
import type { Logger } from 'pino';
import { shownCommand, shownReason } from './shown';

/** Fields of an agent's hello that its events do not contain. */
interface AgentFacts {
  readonly jobUrl: string | null;
  readonly slots: number | null;
  readonly labels: readonly string[];
}

/** What lines about the end of something say of its beginning. */
export interface LogMemory {
  readonly agents: Map<string, { readonly name: string; readonly sinceMs: number }>;
  readonly runs: Map<string, RunTally>;
}

interface RunTally {
  readonly sinceMs: number;
  readonly command: string;
  readonly counts: Record<string, number>;
}

/**
 * The events of a session, for troubleshooting: clients that connected and left, what happened to each run, which
 * attempts were lost and why, and with the level `debug` every assignment and the end of every task. No terminal
 * output, no values of variables.
 */
export class SessionLog {
  private agents: LogMemory['agents'] = new Map();
  private runs: LogMemory['runs'] = new Map();

  constructor(
    private readonly logger: Logger,
    private readonly factsOf: (agentId: string) => AgentFacts | null,
  ) {}

  /** Call this before the events of its submission. */
  begin({ runId, command }: RunSpec, atMs: number): void {
    if (!this.runs.has(runId))
      this.runs.set(runId, { sinceMs: atMs, command: shownCommand(command), counts: {} });
  }

  /** Follows events from before this process started, without logging them. */
  follow(events: readonly HistoryEvent[], atMs: number): void {
    for (const event of events) {
      this.remember(event, atMs);
      this.forget(event);
    }
  }

  note(events: readonly HistoryEvent[], atMs: number): void {
    for (const event of events) {
      this.remember(event, atMs);
      this.write(event, atMs);
      this.forget(event);
    }
  }

  /** For a snapshot. */
  memory(): LogMemory {
    return { agents: this.agents, runs: this.runs };
  }

  resume({ agents, runs }: LogMemory): void {
    this.agents = agents;
    this.runs = runs;
  }

  /** @param entries of its journal that were replayed; null when it is new */
  opened(entries: number | null, ms: number): void {
    if (entries !== null) this.logger.info({ entries, ms }, 'session restored from its journal');
    else this.logger.info('session opened');
  }

  journalDelayed(error: DteError): void {
    this.logger.warn({ ...shownReason(error) }, 'the journal cannot be written; retrying');
  }

  journalWritten(failedWrites: number): void {
    this.logger.info({ retries: failedWrites }, 'the journal can be written again');
  }

  /** @param facts bytes before and after, and how long it took */
  compacted(facts: { readonly from: number; readonly to: number; readonly ms: number }): void {
    this.logger.debug(facts, 'journal compacted');
  }

  notCompacted(error: DteError): void {
    this.logger.warn(
      { ...shownReason(error), err: error.cause },
      'the journal cannot be compacted; it grows',
    );
  }

  failed(error: DteError): void {
    this.logger.error({ ...shownReason(error), err: error.cause }, 'the session cannot continue');
  }

  warn(thrown: unknown, what: string): void {
    this.logger.warn({ err: thrown }, what);
  }

  private remember(event: HistoryEvent, atMs: number): void {
    if (event.type === 'agent.joined' && !this.agents.has(event.agentId))
      this.agents.set(event.agentId, { name: event.name, sinceMs: atMs });
    if (event.type !== 'task.ended') return;
    const counts = this.runs.get(event.runId)?.counts;
    if (counts !== undefined) counts[event.status] = (counts[event.status] ?? 0) + 1;
  }

  private forget(event: HistoryEvent): void {
    if (event.type === 'agent.left') this.agents.delete(event.agentId);
    if (event.type === 'run.ended') this.runs.delete(event.runId);
  }

  private write(event: HistoryEvent, atMs: number): void {
    const { logger } = this;
    switch (event.type) {
      case 'agent.joined':
        logger.info(
          { ...this.agentFields(event.agentId), ...this.factsOf(event.agentId) },
          event.again ? 'agent reconnected' : 'agent joined',
        );
        return;
      case 'agent.disconnected':
        logger.info(this.agentFields(event.agentId, atMs), 'agent disconnected; it may reconnect');
        return;
      case 'agent.released': {
        const { agentId, reason } = event;
        logger.info({ ...this.agentFields(agentId, atMs), reason: reason.message }, 'agent released early');
        return;
      }
      case 'agent.left':
        logger.info({ ...this.agentFields(event.agentId, atMs), ...shownReason(event.reason) }, 'agent left');
        return;
      case 'agent.refused':
        // The door logs those without a name.
        if (event.name !== null)
          logger.warn({ agent: event.name, ...shownReason(event.reason) }, 'agent rejected');
        return;
      case 'run.submitted': {
        const { runId: run, tasks } = event;
        logger.info({ run, tasks, command: this.runs.get(run)?.command }, 'run submitted');
        return;
      }
      case 'run.ended': {
        const { runId: run, state } = event;
        const tally = this.runs.get(run);
        const ms = tally === undefined ? undefined : atMs - tally.sinceMs;
        logger.info({ run, state, ms, tasks: tally?.counts }, 'run ended');
        return;
      }
      case 'run.closed':
        logger.debug({ run: event.runId }, 'run closed');
        return;
      case 'session.finished':
        logger.info(shownReason(event.reason), 'session ended');
        return;
      case 'session.reopened':
        logger.info('session reopened');
        return;
      default:
        this.writeTask(event);
    }
  }

  private writeTask(event: Extract<HistoryEvent, { taskId: string }>): void {
    const { logger } = this;
    const task = { run: event.runId, task: event.taskId };
    switch (event.type) {
      case 'task.assigned':
        // Every task: without the level, its fields are not even made.
        if (!logger.isLevelEnabled('debug')) return;
        logger.debug(
          { ...task, attempt: event.attempt, ...this.agentFields(event.agentId) },
          'task assigned',
        );
        return;
      case 'task.lost': {
        const { attempt, agentId, reason } = event;
        const fields = { ...task, attempt, ...this.agentFields(agentId), ...shownReason(reason) };
        logger.info(fields, 'attempt lost or returned');
        return;
      }
      case 'task.retried':
        logger.info(
          { ...task, attempt: event.attempt, ...this.agentFields(event.agentId) },
          'task failed and is retried',
        );
        return;
      case 'task.outrun':
        logger.info(
          { ...task, attempt: event.attempt, ...this.agentFields(event.agentId), end: event.end },
          'attempt of a task that was started twice is over',
        );
        return;
      case 'task.recalled':
        logger.debug(
          { ...task, attempt: event.attempt, ...this.agentFields(event.agentId) },
          'attempt taken back before it started',
        );
        return;
      case 'result.refused':
        logger.info(
          { ...task, attempt: event.attempt, ...this.agentFields(event.agentId) },
          'result rejected: its attempt is no longer current',
        );
        return;
      case 'task.measured':
        return;
      case 'task.ran':
        logger.debug({ ...task, status: event.status, hash: event.hash }, 'task finished on agent');
        return;
      case 'task.ended':
        logger.debug({ ...task, status: event.status, attempt: event.attempt }, 'task ended');
        return;
    }
  }

  /** @param atMs also log since when it exists, ms */
  private agentFields(agentId: string, atMs?: number): { agent: string; ms?: number } {
    const known = this.agents.get(agentId);
    const agent = known?.name ?? agentId;
    return known === undefined || atMs === undefined ? { agent } : { agent, ms: atMs - known.sinceMs };
  }
}
