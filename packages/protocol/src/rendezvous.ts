import { z } from 'zod';
import { DteError } from './errors';
import { labelSchema, sessionIdSchema } from './ids';

const urlSchema = z.url({ protocol: /^https?$/ });

/** How a main job publishes the address of its coordinator to agents. Contains no secret. */
export const rendezvousRecordSchema = z.strictObject({
  version: z.literal(1),
  sessionId: sessionIdSchema,
  /** `http://host:port` of the coordinator; https if there is a `pin`. */
  url: urlSchema,
  /** Other addresses of the same coordinator, for the case that `url` does not answer. */
  alternatives: z.array(urlSchema).max(8).optional(),
  /** The coordinator's TLS key: `sha256/` and the base64 of the SHA-256 of its SPKI DER. All addresses are https then. */
  pin: z
    .string()
    .regex(/^sha256\/[A-Za-z0-9+/]{43}=$/)
    .optional(),
  /** Identifies the process that published the record. A new generation replaces an old one. */
  generation: labelSchema(128),
  /** Milliseconds since the epoch; the record is ignored afterwards. */
  expiresAtMs: z.number(),
  /** `finished`: the session has ended and its coordinator has left, so `url` does not answer. Omitted: `open`. */
  state: z.enum(['open', 'finished']).optional(),
  /** With `finished`: the reason, for people. Present if a main job runs its work without agents. */
  reason: labelSchema(1024).optional(),
  /** The CI job that this coordinator is part of; a retried job has another id. */
  jobId: labelSchema(128).optional(),
  /** The name of that job: a job with the same name and another id is another try of it. */
  jobName: labelSchema(256).optional(),
});
export type RendezvousRecord = z.infer<typeof rendezvousRecordSchema>;

/** Placeholder for the address in the record of a finished session that never had a coordinator. */
export const NO_ADDRESS = 'http://0.0.0.0:9';

/** The addresses of a coordinator, and how to recognize it. */
export interface CoordinatorAddress {
  /** All addresses of the same coordinator, the most likely one first; never empty. */
  readonly urls: readonly string[];
  /** Its TLS key (`RendezvousRecord.pin`); null: an ordinary certificate, or no TLS. */
  readonly pin: string | null;
  /** Another generation means another process, at whatever address. */
  readonly generation: string;
}

/**
 * The endpoint to connect to, or null if no coordinator has published its address.
 * @throws DteError DTE_SESSION_FINISHED
 */
export function addressOf(record: RendezvousRecord | null): CoordinatorAddress | null {
  if (record === null) return null;
  const { url, alternatives = [], pin = null, generation } = record;
  if (record.state !== 'finished') return { urls: [url, ...alternatives], pin, generation };
  const why = record.reason ?? 'nothing to do';
  throw new DteError('DTE_SESSION_FINISHED', `session ${record.sessionId} is finished; ${why}`);
}

/** The report that an agent publishes if it found an address but cannot connect to it. */
export const rendezvousReportSchema = z.strictObject({
  version: z.literal(1),
  /** Name of the agent. */
  name: labelSchema(256),
  /** Address of its log. */
  jobUrl: labelSchema(2048).nullable(),
  /** The addresses it tried and the result of each, for people. */
  message: labelSchema(2048),
  /** Milliseconds since the epoch. */
  atMs: z.number(),
});
export type RendezvousReport = z.infer<typeof rendezvousReportSchema>;

/** Port: publish and find the address of a session's coordinator. */
export interface Rendezvous {
  /** A name for people, as in the options. No code depends on it; use the properties below. */
  readonly kind: string;
  /**
   * The address is configured, and is that of a service, which is not part of any job. No job publishes an address or
   * starts a coordinator, and a client that gets no answer waits, because the service may be starting.
   */
  readonly isAddressGiven: boolean;
  /** Jobs on other machines read this rendezvous: the coordinator of a job must listen for them. */
  readonly isAcrossMachines: boolean;
  /** A shared service that may be busy: requests are paced, and retried for `rendezvousRetryMs`. */
  readonly isShared: boolean;
  /** The record of a session, or null if there is none (yet) or it expired. Throws DteError DTE_BAD_CONFIG if it is invalid. */
  find(sessionId: string): Promise<RendezvousRecord | null>;
  /** Publishes a record and replaces an older one of the same session. Does nothing if the address is configured. */
  publish(record: RendezvousRecord): Promise<void>;
  /** Removes the record if it still has the given generation. */
  withdraw(sessionId: string, generation: string): Promise<void>;
  /**
   * Marks the session as finished until `expiresAtMs` if its record still has the given generation. Does nothing if the
   * address is configured.
   */
  finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void>;
  /**
   * Reports that an agent cannot connect to the address of this generation: the rendezvous is then its only channel to
   * the main job. A later report of the same agent replaces its earlier one. Does nothing if the address is configured.
   */
  report(sessionId: string, generation: string, report: RendezvousReport): Promise<void>;
  /** The agents' reports for this generation; some of them if there are many (limit `rendezvousReports`). */
  reports(sessionId: string, generation: string): Promise<readonly RendezvousReport[]>;
  /** Removes what nobody will read again, as far as its permissions allow. Never throws. */
  tidy(): Promise<void>;
}
