import { z } from 'zod';
import { DteError } from './errors';
import { labelSchema, sessionIdSchema } from './ids';

const urlSchema = z.url({ protocol: /^https?$/ });

/** How a main job tells agents where its coordinator is. Holds no secret. */
export const rendezvousRecordSchema = z.strictObject({
  version: z.literal(1),
  sessionId: sessionIdSchema,
  /** `http://host:port` of the coordinator, https with a `pin`. */
  url: urlSchema,
  /** Other addresses of the same coordinator, tried in turn when `url` does not answer. */
  alternatives: z.array(urlSchema).max(8).optional(),
  /** The coordinator's TLS key: `sha256/` and the base64 of the SHA-256 of its SPKI DER. Then all addresses are https. */
  pin: z
    .string()
    .regex(/^sha256\/[A-Za-z0-9+/]{43}=$/)
    .optional(),
  /** Identifies the process that published it; a new one replaces an old one. */
  generation: labelSchema(128),
  /** Milliseconds since the epoch; ignored afterwards. */
  expiresAtMs: z.number(),
  /** `finished`: the session is over and its coordinator has left, so nothing answers at `url`. Omitted: `open`. */
  state: z.enum(['open', 'finished']).optional(),
  /** With `finished`: why, for people. There when a main job does its work without agents. */
  reason: labelSchema(1024).optional(),
  /** The CI job whose coordinator this is; a retried job has another one. */
  jobId: labelSchema(128).optional(),
  /** Its name: a job of the same name and another id is another try of it. */
  jobName: labelSchema(256).optional(),
});
export type RendezvousRecord = z.infer<typeof rendezvousRecordSchema>;

/** What stands for the address in a record of a session that is finished and never had a coordinator. */
export const NO_ADDRESS = 'http://0.0.0.0:9';

/** Where a coordinator can be reached, and by what it is known. */
export interface CoordinatorAddress {
  /** All of the same coordinator, the most likely one first; never empty. */
  readonly urls: readonly string[];
  /** Its TLS key (`RendezvousRecord.pin`); null: an ordinary certificate, or no TLS. */
  readonly pin: string | null;
  /** Another one means another process, wherever it is. */
  readonly generation: string;
}

/**
 * Where to connect to, or null when no coordinator has published its address.
 * @throws DteError DTE_SESSION_FINISHED
 */
export function addressOf(record: RendezvousRecord | null): CoordinatorAddress | null {
  if (record === null) return null;
  const { url, alternatives = [], pin = null, generation } = record;
  if (record.state !== 'finished') return { urls: [url, ...alternatives], pin, generation };
  const why = record.reason ?? 'nothing to do';
  throw new DteError('DTE_SESSION_FINISHED', `session ${record.sessionId} is finished; ${why}`);
}

/** What an agent says through the rendezvous that has found an address and reaches nobody there. */
export const rendezvousReportSchema = z.strictObject({
  version: z.literal(1),
  /** Name of the agent. */
  name: labelSchema(256),
  /** Where its log can be read. */
  jobUrl: labelSchema(2048).nullable(),
  /** Which addresses it tried and what happened to that, for people. */
  message: labelSchema(2048),
  /** Milliseconds since the epoch. */
  atMs: z.number(),
});
export type RendezvousReport = z.infer<typeof rendezvousReportSchema>;

/** Port: publish and find the address of a session's coordinator. */
export interface Rendezvous {
  /** For people, as the options name it. Nothing depends on it: what does has a property below. */
  readonly kind: string;
  /**
   * A person has given the address, and it is that of a service, which is part of no job: no job publishes one or begins a coordinator,
   * and whoever gets no answer there waits, because the service may just be starting.
   */
  readonly isAddressGiven: boolean;
  /** Jobs on other machines look here: the coordinator of a job listens for them. */
  readonly isAcrossMachines: boolean;
  /** It is a service that many ask, and may be busy for a while: it is asked at a pace, and given `rendezvousRetryMs`. */
  readonly isShared: boolean;
  /** The record of a session, or null when there is none (yet) or it expired. Throws DteError DTE_BAD_CONFIG on nonsense. */
  find(sessionId: string): Promise<RendezvousRecord | null>;
  /** Publishes, replacing an older record of the same session. Does nothing where the address is given. */
  publish(record: RendezvousRecord): Promise<void>;
  /** Takes a record back, if it is still the given generation's. */
  withdraw(sessionId: string, generation: string): Promise<void>;
  /**
   * Says until `expiresAtMs` that the session is finished, if its record is still the given generation's. Does
   * nothing where the address is given.
   */
  finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void>;
  /**
   * Says that an agent cannot reach the address of this generation: the rendezvous is all that it shares with the main
   * job then. A later report of the same agent replaces its earlier one. Does nothing where the address is given.
   */
  report(sessionId: string, generation: string, report: RendezvousReport): Promise<void>;
  /** What agents have reported of this generation; of many, some (limit `rendezvousReports`). */
  reports(sessionId: string, generation: string): Promise<readonly RendezvousReport[]>;
  /** Removes what nobody will read any more, as far as it is allowed to. Never throws. */
  tidy(): Promise<void>;
}
