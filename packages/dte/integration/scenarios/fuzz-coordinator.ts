import { createCoordinator, createLog } from '@org/dte-coordinator';
import { readLimits } from '@org/dte-protocol';

/** A coordinator in a process of its own: `fuzz-coordinator.ts <dataDir>`. Its address is the first line, its log the others. */
async function main(): Promise<void> {
  const [, , dataDir = ''] = process.argv;
  // What is tried here are parsers: nobody is turned away because of how much was said before.
  const limits = {
    ...readLimits({}).limits,
    sessionsPerProject: 2_000,
    peerBytesPerSecond: 1_000_000_000,
    failedHandshakesPerMinute: 1_000_000,
  };
  const logger = createLog('warn', (line) => process.stdout.write(line));
  const coordinator = await createCoordinator({ dataDir, limits, logger });
  process.stdout.write(`${coordinator.url}\n`);
  // A parent that is gone leaves no coordinator behind.
  process.stdin.resume().on('end', () => process.exit(0));
}

void main();
