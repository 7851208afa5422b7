import { join } from 'node:path';
import { CliWorld } from './cli-world';

const CODE = /DTE_DATA_FOLDER_IN_USE/g;

describe('a data folder that another coordinator uses', () => {
  let world: CliWorld;

  beforeEach(() => {
    world = new CliWorld();
    world.env['DTE_RENDEZVOUS_DIR'] = world.rendezvousDir;
    world.env['DTE_DATA_FOLDER_WAIT_MS'] = '100';
  });
  afterEach(() => world.close());

  it('keeps `dte coordinator` from starting, which names the holder, until that is killed', async () => {
    const args = ['coordinator', '--port', '0', '--data-dir', join(world.root, 'data')];
    const first = world.start(args);
    await first.waitForOutput('coordinator on');

    const { code, output } = await world.run(args);
    expect(code).toBe(1);
    expect(output).toMatch(/used by the coordinator that is process \d+ on .*, since \d{4}-/);
    expect(output.match(CODE)).toHaveLength(1);

    first.signal('SIGKILL');
    await first.end();
    const next = world.start(args);
    await next.waitForOutput('coordinator on');
    next.signal('SIGTERM');
    expect((await next.end()).code).toBe(0);
  });

  it('does not fail a main job: start-ci-run reports it once, and that the job does its work itself', async () => {
    const folder = join(world.root, '.nx/dte/session-cli');
    const other = world.start(['coordinator', '--port', '0', '--data-dir', folder]);
    await other.waitForOutput('coordinator on');

    const { code, output } = await world.run(['start-ci-run']);
    expect(code).toBe(0);
    expect(output.match(CODE)).toHaveLength(1);
    expect(output).toContain('no coordinator; the nx commands of this job run undistributed');
    other.signal('SIGTERM');
    expect((await other.end()).code).toBe(0);
  });

  it('is not shared by sessions of one job that DTE_ENVIRONMENT separates', async () => {
    const job = { DTE_SESSION_ID: '', CI_PIPELINE_ID: '7', CI_JOB_ID: '9001', CI_JOB_NAME: 'nx' };
    for (const DTE_ENVIRONMENT of ['linux', 'windows']) {
      const env = { ...job, DTE_ENVIRONMENT };
      const { code, output } = await world.run(['start-ci-run'], env);
      expect([code, output]).toEqual([0, expect.stringContaining('coordinator http')]);
    }
    expect(world.coordinatorPids()).toHaveLength(2);
  });
});
