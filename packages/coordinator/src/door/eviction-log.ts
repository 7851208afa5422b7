import type { Logger } from 'pino';

/** At most one line in this interval: whoever floods the door must not flood the log as well. Only words depend on it. */
const EVERY_MS = 60_000;

/** Notes that connections were evicted for others: how many, and the address of the last. Nothing they said. */
export function evictionLog(
  logger: Pick<Logger, 'warn'>,
  now: () => number = Date.now,
): (address: string) => void {
  let evicted = 0;
  let saidAtMs = -Infinity;
  return (address) => {
    evicted += 1;
    const atMs = now();
    if (atMs - saidAtMs < EVERY_MS && atMs >= saidAtMs) return;
    logger.warn(
      { address, evicted, code: 'DTE_TOO_MANY' },
      'unauthenticated connections are evicted for newer ones (limits strangersPerAddress, strangersPerCoordinator)',
    );
    saidAtMs = atMs;
    evicted = 0;
  };
}
