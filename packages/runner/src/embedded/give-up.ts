import {
  DteError,
  NO_ADDRESS,
  printable,
  type ErrorCode,
  type LimitValues,
  type Rendezvous,
  type RendezvousRecord,
} from '@org/dte-protocol';
import { randomUUID } from 'node:crypto';
import { isEarlierTry, type JobMark } from './earlier-try';

/** Maximum length of a published reason. Not configurable: it has to fit into the schema of a rendezvous record. */
const REASON_CHARS = 1_000;

export interface GiveUpOptions {
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  /** This job. */
  readonly job: JobMark;
  /** Why there will be no work, for people who read an agent's log. */
  readonly reason: string;
  readonly limits: Pick<LimitValues, 'finishedRecordMs'>;
  /** Does a coordinator answer there? Then it manages its agents itself. */
  readonly isAlive: (record: RendezvousRecord) => Promise<boolean>;
  /** Default: Date.now. */
  readonly now?: () => number;
}

/**
 * Informs waiting and later agents that this job runs its tasks without them: nothing else informs them. They exit with
 * code 0. If a coordinator answers, nothing changes for it and its clients.
 * @returns whether they were informed
 * @throws what the rendezvous throws
 */
export async function giveUp(options: GiveUpOptions): Promise<boolean> {
  const { rendezvous, sessionId, job, limits, now = Date.now } = options;
  if (rendezvous.isAddressGiven) return false;
  const found = await rendezvous.find(sessionId);
  // The record of an earlier try of this job is no longer of use.
  const record = found !== null && isEarlierTry(found, job) ? null : found;
  if (record !== null && record.state !== 'finished' && (await options.isAlive(record))) return false;
  if (record?.state === 'finished') return true;
  await rendezvous.publish({
    version: 1,
    sessionId,
    url: NO_ADDRESS,
    generation: randomUUID(),
    expiresAtMs: now() + limits.finishedRecordMs,
    state: 'finished',
    reason: printable(options.reason, REASON_CHARS),
    ...job,
  });
  return true;
}

/** Rejections and problems that must be fixed before anything starts: they do not show that this job is the main job. */
const PROVE_NOTHING: readonly ErrorCode[] = [
  'DTE_BAD_SECRET',
  'DTE_SECRET_REQUIRED',
  'DTE_SHARED_TRUST',
  'DTE_ID_TOKEN_REFUSED',
  'DTE_ISSUER_UNAVAILABLE',
  'DTE_PIN_MISMATCH',
  'DTE_UNAUTHORIZED',
  'DTE_BAD_CONFIG',
  'DTE_BAD_RULES',
];

interface Failure {
  readonly error: DteError;
  /** Was the coordinator of this job started, and failed? */
  readonly startFailed: boolean;
  /** The published record of the session. */
  readonly record: RendezvousRecord | null;
  /** This job. */
  readonly job: JobMark;
}

/**
 * May an undistributed nx command act for the main job? Any job of the pipeline may run one, even before the main job,
 * with the shared rendezvous but without the main job's credentials, and would release agents that are needed. So only
 * a command whose coordinator has failed here, or whose job has opened this session, may.
 */
export function speaksForMainJob({ error: { code }, startFailed, record, job }: Failure): boolean {
  if (PROVE_NOTHING.includes(code)) return false;
  if (startFailed || code === 'DTE_COORDINATOR_SLOW') return true;
  return job.jobId !== undefined && record?.jobId === job.jobId;
}

/**
 * Agents that were released do not return: a coordinator that starts later would wait for them without effect.
 * @param record the published record of the session
 * @throws DteError DTE_GIVEN_UP
 */
export function refuseIfGivenUp(record: RendezvousRecord | null, job: JobMark): void {
  const { jobId } = job;
  if (jobId === undefined || record?.state !== 'finished' || record.reason === undefined) return;
  if (record.jobId !== jobId) return;
  throw new DteError('DTE_GIVEN_UP', `The agents of this job were released: ${record.reason}`);
}

/** Why agents have nothing to do if an error leaves a main job without agents. */
export const aloneBecause = ({ code, message }: DteError): string =>
  `its main job works without agents: ${message} (${code})`;
