import type { LimitValues, Rendezvous, RendezvousRecord } from '@org/dte-protocol';

export type PaceLimits = Pick<LimitValues, 'rendezvousPollMinMs' | 'rendezvousPollMaxMs'>;

/** What an agent needs of a rendezvous. */
export type AgentRendezvous = Pick<Rendezvous, 'isAddressGiven' | 'find' | 'report'>;

type Answer = () => RendezvousRecord | null;

/**
 * For agents, which poll until their main job has started, and before each try to connect. An answer is cached for a
 * while, longer as long as it stays the same. A hundred agents that poll as often as they try would be throttled,
 * together with the users on whose behalf they ask.
 */
export class PacedRendezvous implements AgentRendezvous {
  readonly isAddressGiven: boolean;
  private readonly answers = new Map<string, { answer: Answer; untilMs: number; pauseMs: number }>();

  constructor(
    private readonly inner: AgentRendezvous,
    private readonly limits: PaceLimits,
    private readonly now: () => number = Date.now,
  ) {
    this.isAddressGiven = inner.isAddressGiven;
  }

  async find(sessionId: string): Promise<RendezvousRecord | null> {
    const known = this.answers.get(sessionId);
    if (known !== undefined && this.now() < known.untilMs) return known.answer();
    const answer = await this.ask(sessionId);
    const { rendezvousPollMinMs, rendezvousPollMaxMs } = this.limits;
    const same = known !== undefined && sameAnswer(known.answer, answer);
    const pauseMs = same ? Math.min(known.pauseMs * 2, rendezvousPollMaxMs) : rendezvousPollMinMs;
    this.answers.set(sessionId, { answer, untilMs: this.now() + pauseMs, pauseMs });
    return answer();
  }

  report: Rendezvous['report'] = (sessionId, generation, report) =>
    this.inner.report(sessionId, generation, report);

  private async ask(sessionId: string): Promise<Answer> {
    try {
      const record = await this.inner.find(sessionId);
      return () => record;
    } catch (thrown) {
      return () => {
        throw thrown;
      };
    }
  }
}

/** The part of an answer that shows how soon it may change. */
function meaningOf(answer: Answer): string {
  try {
    const record = answer();
    return record === null ? 'none' : `${record.generation} ${record.state ?? 'open'}`;
  } catch {
    return 'error';
  }
}

const sameAnswer = (one: Answer, other: Answer): boolean => meaningOf(one) === meaningOf(other);
