import { uniformBackoff } from '@org/dte-client';
import { DteError, type LimitValues } from '@org/dte-protocol';
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

/** One try, or as many as `rendezvousRetryMs` allows. */
export type Patience = 'once' | 'retry';

export interface Question {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Below the project. */
  readonly path: string;
  readonly body?: string;
  readonly patience: Patience;
}

const isBusyOrBroken = (status: number): boolean => status === 429 || status >= 500;

/** The message that GitLab gives with a refusal, shortened; its bodies are `{"message":…}` or `{"error":…}`. */
export function reasonOf({ status, body }: GitlabAnswer): string {
  const text = body.replace(/\s+/g, ' ').trim().slice(0, 200);
  return text === '' ? `status ${status}` : `status ${status}: ${text}`;
}

/** When a busy registry wants to be asked again; null when it does not say. Seconds, or a date. */
function retryAfterMs({ headers }: GitlabAnswer, nowMs: number): number | null {
  const value = headers['retry-after'];
  if (value === undefined) return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}

/** Asks the API of a project on behalf of one of its jobs, and again when that may help. */
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

  /** The answer, or why there is none. */
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
