import {
  DteError,
  NO_ADDRESS,
  type LimitValues,
  type Rendezvous,
  type RendezvousRecord,
} from '@org/dte-protocol';
import { randomUUID } from 'node:crypto';
import { oneLine } from '../session/one-line';
import { isEarlierTry, type JobMark } from './earlier-try';

/** As long as a record may say. */
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
  if (rendezvous.kind === 'static') return false;
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
    reason: oneLine(options.reason, REASON_CHARS),
    ...job,
  });
  return true;
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
  throw new DteError('DTE_GIVEN_UP', `The agents of this job were told to leave: ${record.reason}`);
}

/** Why agents have nothing to do, when an error keeps a main job from having any. */
export const aloneBecause = ({ code, message }: DteError): string =>
  `its main job works without agents: ${message} (${code})`;
