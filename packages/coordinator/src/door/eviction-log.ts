import type { Logger } from 'pino';

/** Minimum interval between lines: a flood of connections must not also flood the log. Affects only the log. */
const EVERY_MS = 60_000;

/** Logs that connections were evicted for others: how many, and the address of the last. Nothing that they sent. */
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
