import { uniformBackoff } from '@org/dte-agent';
import { DteError, type LimitValues } from '@org/dte-protocol';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { extraAuthorities, gitlabCall, type GitlabAnswer } from '../../gitlab-http';
import type { Env } from '../../config';
import { PACKAGE_NAME } from './names';

/** What a job knows of the registry of its project. */
export interface RegistryAccess {
  /** CI_API_V4_URL */
  readonly apiUrl: string;
  readonly projectId: string;
  /** CI_JOB_TOKEN: good while the job runs. */
  readonly jobToken: string;
  /** PEM, besides the usual ones. */
  readonly ca: readonly string[];
}

/** Null outside of GitLab jobs. */
export function registryAccessOf(env: Env): RegistryAccess | null {
  const [apiUrl, projectId, jobToken] = [env['CI_API_V4_URL'], env['CI_PROJECT_ID'], env['CI_JOB_TOKEN']];
  if (!apiUrl || !projectId || !jobToken) return null;
  return { apiUrl, projectId, jobToken, ca: extraAuthorities(env) };
}

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

interface Question {
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Below the project. */
  readonly path: string;
  readonly body?: string;
  readonly patience: Patience;
}

const packageSchema = z.object({
  id: z.int(),
  name: z.string(),
  version: z.string().nullable(),
  created_at: z.string().transform((text) => Date.parse(text)),
});
const packageFileSchema = z.object({ id: z.int(), file_name: z.string() });

export type PackageEntry = z.infer<typeof packageSchema>;
export type PackageFileEntry = z.infer<typeof packageFileSchema>;

const PER_PAGE = 100;

const isBusyOrBroken = (status: number): boolean => status === 429 || status >= 500;

/** The message that GitLab gives with a refusal, shortened; its bodies are `{"message":…}` or `{"error":…}`. */
function reasonOf({ status, body }: GitlabAnswer): string {
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

/** The packages of one project, as a job of it sees them: https://docs.gitlab.com/user/packages/generic_packages/ */
export class PackageRegistry {
  constructor(
    private readonly access: RegistryAccess,
    private readonly limits: RegistryLimits,
    private readonly timing: Timing = REAL_TIME,
  ) {}

  /**
   * The newest file of that name, or null.
   * @throws DteError DTE_RENDEZVOUS_REFUSED, DTE_RENDEZVOUS_UNAVAILABLE
   */
  async download(version: string, file: string, patience: Patience): Promise<string | null> {
    const answer = await this.ask({ method: 'GET', path: genericPath(version, file), patience });
    // Where the job may not see the project (or its token is that of another one) nothing will ever be found.
    if (answer.status === 404 && !answer.body.includes('Project')) return null;
    if (answer.status !== 200) throw this.refused('GET', genericPath(version, file), answer);
    return answer.body;
  }

  /**
   * Adds a file; the newest of one name counts.
   * @returns false where the group rejects duplicates and there is one of this name
   * @throws DteError DTE_RENDEZVOUS_REFUSED, DTE_RENDEZVOUS_UNAVAILABLE
   */
  async upload(version: string, file: string, body: string): Promise<boolean> {
    const path = genericPath(version, file);
    const answer = await this.ask({ method: 'PUT', path, body, patience: 'retry' });
    if (answer.status === 200 || answer.status === 201) return true;
    if (answer.status === 400 && /duplicate/i.test(answer.body)) return false;
    throw this.refused('PUT', path, answer);
  }

  /** Packages of ours, `order` by age; at most a page of them. */
  packages(order: 'newest first' | 'oldest first', version?: string): Promise<readonly PackageEntry[]> {
    const query = new URLSearchParams({
      package_type: 'generic',
      package_name: PACKAGE_NAME,
      // Before 16.6 GitLab does not know it.
      ...(version === undefined ? {} : { package_version: version }),
      order_by: 'created_at',
      sort: order === 'newest first' ? 'desc' : 'asc',
      per_page: String(PER_PAGE),
    });
    return this.list(`/packages?${query.toString()}`, packageSchema);
  }

  /** At most a page of them. */
  files(packageId: number): Promise<readonly PackageFileEntry[]> {
    return this.list(`/packages/${packageId}/package_files?per_page=${PER_PAGE}`, packageFileSchema);
  }

  /** @returns whether it was allowed: for maintainers it is */
  async deletePackage(packageId: number): Promise<boolean> {
    return this.remove(`/packages/${packageId}`);
  }

  async deleteFile(packageId: number, fileId: number): Promise<boolean> {
    return this.remove(`/packages/${packageId}/package_files/${fileId}`);
  }

  private async remove(path: string): Promise<boolean> {
    const { status } = await this.ask({ method: 'DELETE', path, patience: 'once' });
    return status === 204 || status === 200;
  }

  private async list<T>(path: string, entry: z.ZodType<T>): Promise<readonly T[]> {
    const answer = await this.ask({ method: 'GET', path, patience: 'once' });
    if (answer.status !== 200) throw this.refused('GET', path, answer);
    try {
      return z.array(entry).parse(JSON.parse(answer.body));
    } catch (cause) {
      throw new DteError('DTE_RENDEZVOUS_UNAVAILABLE', `What ${path} lists is not what was expected.`, {
        cause,
      });
    }
  }

  private refused(method: string, path: string, answer: GitlabAnswer): DteError {
    return new DteError(
      'DTE_RENDEZVOUS_REFUSED',
      `GitLab's package registry refused ${method} ${path} with ${reasonOf(answer)}.`,
    );
  }

  /** An answer that is neither busy nor broken. */
  private async ask(question: Question): Promise<GitlabAnswer> {
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
        const hint = asked === null ? '' : `, and wants to be left alone for ${Math.ceil(asked / 1000)} s`;
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

const genericPath = (version: string, file: string): string =>
  `/packages/generic/${PACKAGE_NAME}/${version}/${encodeURIComponent(file)}`;
