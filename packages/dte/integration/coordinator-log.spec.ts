import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { waitFor } from '@org/dte-testing';
import { CLI, CliWorld } from './cli-world';

describe('coordinator.log', () => {
  let world: CliWorld;
  const path = (): string => join(world.root, '.nx/dte/coordinator.log');
  const entries = (): Record<string, unknown>[] =>
    readFileSync(path(), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  beforeEach(() => {
    world = new CliWorld();
    world.env['DTE_RENDEZVOUS_DIR'] = world.rendezvousDir;
    world.env['DTE_SECRET'] = 'tr0ub4dor-and-3';
  });
  afterEach(() => world.close());

  it('of a main job begins with version, folder and limits, describes its session, and contains no secret', async () => {
    expect((await world.run(['start-ci-run'], { DTE_LEASE_MS: '20000' })).code).toBe(0);
    expect(entries()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ msg: 'dte coordinator', version: expect.any(String) as string }),
        expect.objectContaining({ msg: 'coordinator starting', limits: { leaseMs: 20_000 } }),
        expect.objectContaining({ msg: 'session opened', session: 'cli' }),
      ]),
    );
    await world.run(['complete-ci-run']);
    await waitFor('the end', () => entries().some(({ msg }) => msg === 'session ended'));
    expect(readFileSync(path(), 'utf8')).not.toContain('tr0ub4dor');
  });

  it('is as quiet as DTE_LOG_LEVEL requests', async () => {
    await world.run(['start-ci-run'], { DTE_LOG_LEVEL: 'silent' });
    expect(entries()).toEqual([]);
    expect(readFileSync(path(), 'utf8')).toContain('dte: coordinator on');
  });

  it('is cut above its limit', async () => {
    await world.run(['start-ci-run'], { DTE_MAX_LOG_BYTES: '400' });
    expect(entries().map(({ msg }) => msg)).not.toContain('dte coordinator');
    expect(statSync(path()).size).toBeLessThan(800);
  });

  it('of a service goes to stderr, and a closed reader does not affect the service', async () => {
    const child = spawn(process.execPath, [CLI, 'coordinator', '--port', '0'], {
      cwd: world.root,
      env: { PATH: process.env['PATH'], ...world.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [first] = (await once(createInterface(child.stderr), 'line')) as [string];
    const [address] = (await once(createInterface(child.stdout), 'line')) as [string];
    child.stderr.destroy();
    child.stdout.destroy();
    const exit = once(child, 'exit');
    // Nobody reads its last line.
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(JSON.parse(first)).toMatchObject({ msg: 'dte coordinator', embedded: false });
    expect(address).toMatch(/^dte: coordinator on http:/);
  });
});
