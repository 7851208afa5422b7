import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

interface Started {
  readonly child: ChildProcess;
  /** Its first line. */
  readonly said: string;
  /** The line after it. */
  readonly next: () => Promise<string>;
}

describe('two coordinators on one data folder', () => {
  let dataDir: string;
  let children: ChildProcess[];

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'dte-shared-'));
    children = [];
  });
  afterEach(async () => {
    for (const child of children) await kill(child);
    rmSync(dataDir, { recursive: true });
  });

  async function start(env: Record<string, string> = {}): Promise<Started> {
    const child = spawn(process.execPath, [join(__dirname, 'support/run-typescript.cjs'), dataDir], {
      env: { ...process.env, DTE_DATA_FOLDER_WAIT_MS: '1', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const next = async (): Promise<string> => String((await lines.next()).value);
    return { child, said: await next(), next };
  }
  const kill = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  };
  const serves = ({ said }: Started): boolean => said.startsWith('http://');

  it('started at the same time after a crash: exactly one serves, the other names it; 20 times', async () => {
    for (let round = 1; round <= 20; round++) {
      const both = await Promise.all([start(), start()]);
      const [winner, ...others] = both.filter(serves);
      const [loser] = both.filter((each) => !serves(each));
      expect([round, others]).toEqual([round, []]);
      expect(loser?.said).toContain(`DTE_DATA_FOLDER_IN_USE: The data folder ${dataDir} is used by`);
      expect(loser?.said).toContain(`process ${winner?.child.pid ?? 0} on `);
      if (winner !== undefined) await kill(winner.child);
    }
    // Forty processes, each of which compiles the sources: about two minutes on two cores with a load of 30.
  }, 600_000);

  it('a frozen one that finds its folder taken over reports it and exits', async () => {
    const { child, next } = await start({ DTE_DATA_FOLDER_STALE_MS: '200' });
    child.kill('SIGSTOP');
    writeFileSync(join(dataDir, 'coordinator.lock.2'), 'of another machine');
    child.kill('SIGCONT');
    expect(await next()).toBe('lost: DTE_DATA_FOLDER_IN_USE');
    if (child.exitCode === null) await once(child, 'exit');
    expect(child.exitCode).toBe(1);
  });
});
