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

/** How much of a reason is published. No limit to set: it has to fit into the schema of a rendezvous record. */
const REASON_CHARS = 1_000;

export interface GiveUpOptions {
  readonly rendezvous: Rendezvous;
  readonly sessionId: string;
  /** Of this job. */
  readonly job: JobMark;
  /** Why there will be no work, for people who read an agent's log. */
  readonly reason: string;
  readonly limits: Pick<LimitValues, 'finishedRecordMs'>;
  /** Does a coordinator answer there? Its agents are its own matter then. */
  readonly isAlive: (record: RendezvousRecord) => Promise<boolean>;
  /** Default: Date.now. */
  readonly now?: () => number;
}

/**
 * Tells agents, those that wait and those still to come, that this job does its work without them: nothing else would.
 * They leave with exit code 0. A coordinator that answers is left alone, with everybody it serves.
 * @returns whether they are told
 * @throws what the rendezvous throws
 */
export async function giveUp(options: GiveUpOptions): Promise<boolean> {
  const { rendezvous, sessionId, job, limits, now = Date.now } = options;
  if (rendezvous.isAddressGiven) return false;
  const found = await rendezvous.find(sessionId);
  // What an earlier try of this job has left behind serves nobody any more.
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

/** Refusals, and what has to be put right before anything is started: a job that meets them has shown nothing of itself. */
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
  /** Was it the coordinator of this job that was started, and failed? */
  readonly startFailed: boolean;
  /** What is published of the session. */
  readonly record: RendezvousRecord | null;
  /** Of this job. */
  readonly job: JobMark;
}

/**
 * May a command of Nx that is not distributed speak for the main job? Any job of the pipeline may run one, also before the
 * main job, with the rendezvous of all and without its credentials: agents would leave that are needed. So only one whose
 * coordinator has failed here, or whose job has opened this session.
 */
export function speaksForMainJob({ error: { code }, startFailed, record, job }: Failure): boolean {
  if (PROVE_NOTHING.includes(code)) return false;
  if (startFailed || code === 'DTE_COORDINATOR_SLOW') return true;
  return job.jobId !== undefined && record?.jobId === job.jobId;
}

/**
 * Agents that were told to leave do not come back: a coordinator started after that would be waited for in vain.
 * @param record what is published of the session
 * @throws DteError DTE_GIVEN_UP
 */
export function refuseIfGivenUp(record: RendezvousRecord | null, job: JobMark): void {
  const { jobId } = job;
  if (jobId === undefined || record?.state !== 'finished' || record.reason === undefined) return;
  if (record.jobId !== jobId) return;
  throw new DteError('DTE_GIVEN_UP', `The agents of this job were released: ${record.reason}`);
}

/** Why agents have nothing to do, when an error keeps a main job from having any. */
export const aloneBecause = ({ code, message }: DteError): string =>
  `its main job works without agents: ${message} (${code})`;
