import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Harness } from './support/harness';

jest.setTimeout(60_000);

/** More than Node's own 511; a process may have 1,024 open files if nobody has raised that. */
const CONNECTIONS = 900;
/** Those that the kernel has dropped try again and again meanwhile, in vain. */
const WITHIN_MS = 10_000;

/** In another process, while this one takes none. @returns how many connections there are in time */
const CLIENT = `
  const { connect } = require('node:net');
  let open = 0;
  const end = () => process.stdout.write(String(open), () => process.exit());
  for (let nth = 0; nth < ${CONNECTIONS}; nth++)
    connect(Number(process.argv[1]), '127.0.0.1', () => ++open === ${CONNECTIONS} && end()).on('error', () => {});
  setTimeout(end, ${WITHIN_MS});`;

const kernelTakes = (): number => Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));

describe('a port that many clients come to at the same time', () => {
  let harness: Harness;
  afterEach(() => harness.cleanUp());

  it('keeps their connections until the event loop takes them', async () => {
    expect(kernelTakes()).toBeGreaterThan(CONNECTIONS);
    harness = await Harness.start({});
    // Blocks this process, and the coordinator in it.
    const found = execFileSync(process.execPath, ['-e', CLIENT, new URL(harness.url).port]);
    expect(Number(found.toString())).toBe(CONNECTIONS);
  });
});
