import { DteError, readLimits } from '@org/dte-protocol';
import { createCoordinator } from '../../src';

/** A coordinator in a separate process that a test kills: `run-typescript.cjs <dataDir>`; prints its URL, or the error. */
async function main(): Promise<void> {
  const dataDir = process.argv[2];
  if (dataDir === undefined) throw new Error('usage: run-typescript.cjs <dataDir>');
  try {
    const { url } = await createCoordinator({
      dataDir,
      limits: readLimits(process.env).limits,
      onFolderLost: ({ code }) => {
        process.stdout.write(`lost: ${code}\n`);
        process.exit(1);
      },
    });
    process.stdout.write(`${url}\n`);
  } catch (thrown) {
    const { code, message } = DteError.from(thrown);
    process.stdout.write(`${code}: ${message}\n`);
  }
}

void main();
