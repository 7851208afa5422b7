import { randomBytes } from 'node:crypto';
import { type Answer, type Call, PROJECT_NOT_FOUND, UNAUTHORIZED } from './answer';

const RANKS = { none: 0, reporter: 20, developer: 30, maintainer: 40 } as const;
export type FakeRole = keyof typeof RANKS;

/** The caller, as far as GitLab can identify it. */
interface Bearer {
  readonly kind: 'job' | 'person';
  readonly projectId: number;
  readonly role: FakeRole;
  /** Job tokens only. */
  readonly jobId: string | null;
}

export interface Asked {
  readonly project: string;
  readonly role: FakeRole;
  /** Is CI_JOB_TOKEN accepted here? If not, its bearer counts as anonymous. */
  readonly jobTokens: boolean;
}

const single = (value: string | string[] | undefined): string | undefined =>
  Array.isArray(value) ? value[0] : value;

/**
 * Tokens and their permissions. As in GitLab: an unknown token (or that of a job that has ended) gets 401, a project
 * that the caller cannot see 404, and one for which the role is too low 403.
 */
export class Access {
  private readonly bearers = new Map<string, Bearer>();

  /** The token of one job of a project; `role` is the role of the user whose pipeline it is. */
  jobToken(projectId: number, jobId: string, role: FakeRole): string {
    return this.issue('glcbt-64_', { kind: 'job', projectId, role, jobId });
  }

  accessToken(projectId: number, role: FakeRole): string {
    return this.issue('glpat-', { kind: 'person', projectId, role, jobId: null });
  }

  /** The token of a job is valid while the job runs. */
  endJob(jobId: string): void {
    for (const [token, bearer] of this.bearers) if (bearer.jobId === jobId) this.bearers.delete(token);
  }

  /** `GET /job`: the running job of the presented token. */
  currentJob(call: Call): Answer {
    const bearer = this.bearers.get(single(call.headers['job-token']) ?? '');
    if (bearer?.kind !== 'job') return UNAUTHORIZED;
    return { status: 200, body: { id: Number(bearer.jobId), status: 'running' } };
  }

  /** The job whose token is presented; null: it is none of a job. */
  jobOf(call: Call): number | null {
    const { jobId = null } = this.bearers.get(single(call.headers['job-token']) ?? '') ?? {};
    return jobId === null ? null : Number(jobId);
  }

  /** `GET /user`: the user of an access token; each token of a project has its own. */
  currentUser(call: Call): Answer {
    const id = this.userOf(call);
    return id === 0 ? UNAUTHORIZED : { status: 200, body: { id } };
  }

  /** 0: none. */
  userOf(call: Call): number {
    const token = single(call.headers['private-token']) ?? '';
    return this.bearers.get(token)?.kind === 'person' ? [...this.bearers.keys()].indexOf(token) + 1 : 0;
  }

  /** Null if the request is permitted. All projects are private. */
  refuse(call: Call, asked: Asked): Answer | null {
    const token = single(call.headers['job-token']) ?? single(call.headers['private-token']);
    if (token === undefined) return PROJECT_NOT_FOUND;
    const bearer = this.bearers.get(token);
    const isJob = call.headers['job-token'] !== undefined;
    if (bearer === undefined || (bearer.kind === 'job') !== isJob) return UNAUTHORIZED;
    if (isJob && !asked.jobTokens) return PROJECT_NOT_FOUND;
    if (String(bearer.projectId) !== asked.project || bearer.role === 'none') return PROJECT_NOT_FOUND;
    if (RANKS[bearer.role] >= RANKS[asked.role]) return null;
    return { status: 403, body: { message: '403 Forbidden' } };
  }

  private issue(prefix: string, bearer: Bearer): string {
    const token = `${prefix}${randomBytes(16).toString('hex')}`;
    this.bearers.set(token, bearer);
    return token;
  }
}
