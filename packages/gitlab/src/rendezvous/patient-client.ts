import { uniformBackoff } from '@org/dte-client';
import { DteError, type LimitValues, printable } from '@org/dte-protocol';
import { setTimeout as delay } from 'node:timers/promises';
import { gitlabCall, type GitlabAnswer } from '../http';
import type { RegistryAccess } from './access';

/** Time as the registry sees it; for specs. */
export interface Timing {
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const REAL_TIME: Timing = { now: () => Date.now(), sleep: (ms) => delay(ms) };

export type RegistryLimits = Pick<
  LimitValues,
  'rendezvousRequestMs' | 'rendezvousRetryMs' | 'rendezvousAnswerBytes' | 'reconnectMinMs' | 'reconnectMaxMs'
>;

/** One try, or retries for `rendezvousRetryMs`. */
export type Patience = 'once' | 'retry';

export interface Question {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Path below the project. */
  readonly path: string;
  readonly body?: string;
  readonly patience: Patience;
}

const isBusyOrBroken = (status: number): boolean => status === 429 || status >= 500;

/** GitLab's message in a rejection, shortened; its bodies are `{"message":…}` or `{"error":…}`. */
export function reasonOf({ status, body }: GitlabAnswer): string {
  const text = printable(body.replace(/\s+/g, ' '), 200);
  return text === '' ? `status ${status}` : `status ${status}: ${text}`;
}

/** When a busy registry may be asked again; null if unknown. Seconds, or a date. */
function retryAfterMs({ headers }: GitlabAnswer, nowMs: number): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** Calls the API of a project for one of its jobs, with retries if they may help. */
export class PatientClient {
  constructor(
    private readonly access: RegistryAccess,
    private readonly limits: RegistryLimits,
    private readonly timing: Timing,
  ) {}

  /**
   * An answer that is neither busy nor broken.
   * @throws DteError DTE_RENDEZVOUS_UNAVAILABLE
   */
  async ask(question: Question): Promise<GitlabAnswer> {
    const { rendezvousRetryMs, reconnectMinMs, reconnectMaxMs } = this.limits;
    const backoff = uniformBackoff(reconnectMinMs, reconnectMaxMs);
    const untilMs = this.timing.now() + (question.patience === 'retry' ? rendezvousRetryMs : 0);
    for (;;) {
      const outcome = await this.tryOnce(question);
      if (typeof outcome !== 'string' && !isBusyOrBroken(outcome.status)) return outcome;
      const nowMs = this.timing.now();
      const asked = typeof outcome === 'string' ? null : retryAfterMs(outcome, nowMs);
      const pauseMs = Math.max(backoff.nextMs(), asked ?? 0);
      if (nowMs + pauseMs >= untilMs) {
        const why = typeof outcome === 'string' ? outcome : reasonOf(outcome);
        const hint = asked === null ? '' : `, and asks to wait ${Math.ceil(asked / 1000)} s`;
        const { origin } = new URL(this.access.apiUrl);
        throw new DteError('DTE_RENDEZVOUS_UNAVAILABLE', `The package registry of ${origin}: ${why}${hint}.`);
      }
      await this.timing.sleep(pauseMs);
    }
  }

  /** The answer, or the reason why there is none. */
  private async tryOnce({ method, path, body }: Question): Promise<GitlabAnswer | string> {
    const { apiUrl, projectId, jobToken, ca } = this.access;
    try {
      return await gitlabCall({
        method,
        url: new URL(`${apiUrl}/projects/${encodeURIComponent(projectId)}${path}`),
        headers: { 'job-token': jobToken },
        ...(body === undefined ? {} : { body }),
        ca,
        timeoutMs: this.limits.rendezvousRequestMs,
        maxBytes: this.limits.rendezvousAnswerBytes,
      });
    } catch (thrown) {
      return (thrown as Error).message;
    }
  }
}
