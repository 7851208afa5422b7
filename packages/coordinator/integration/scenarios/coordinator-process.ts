import { readLimits } from '@org/dte-protocol';
import { createCoordinator } from '../../src';

/** A coordinator in a process of its own, to be killed: `run-typescript.cjs <dataDir>`; prints its URL. */
async function main(): Promise<void> {
  const dataDir = process.argv[2];
  if (dataDir === undefined) throw new Error('usage: run-typescript.cjs <dataDir>');
  const { url } = await createCoordinator({ dataDir, limits: readLimits(process.env).limits });
  process.stdout.write(`${url}\n`);
}

void main();
