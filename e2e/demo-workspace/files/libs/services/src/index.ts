import { setTimeout as wait } from 'node:timers/promises';

/**
 * The services behind the shop, and how long each takes to answer in the staging environment, in milliseconds. There,
 * a database shares its disks with twenty others, and the payment provider's sandbox is on another continent.
 */
export const ANSWERS_AFTER_MS = {
  'search index': 370,
  database: 420,
  'parcel service': 600,
  'payment provider': 950,
} as const;

export type Service = keyof typeof ANSWERS_AFTER_MS;

/** Asks a service. Waiting for the answer takes time, but no processor. */
export async function ask<T>(service: Service, question: () => T): Promise<T> {
  await wait(ANSWERS_AFTER_MS[service]);
  return question();
}
