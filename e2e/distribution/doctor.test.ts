import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { type Machine, Pipeline, type Fleet } from '@org/dte-testing';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

describe('dte doctor', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet();
    pipeline = new Pipeline(fleet, fleet.machine('main'));
    await pipeline.startCiRun();
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  const nxJsonWith = (machine: Machine, change: (nxJson: Record<string, unknown>) => void): void => {
    const nxJson = JSON.parse(machine.read('nx.json')) as Record<string, unknown>;
    change(nxJson);
    machine.write('nx.json', JSON.stringify(nxJson));
  };

  it('finds no problem in a workspace that is set up', async () => {
    const exit = await pipeline.dte(['doctor']);

    expect(plain(exit.output)).toContain('23.3.2');
    expectExit(exit, 0);
  });

  // Each of these stops distribution, and Nx prints nothing; the finding must name what to change.
  it.each<[string, Record<string, string>, (nxJson: Record<string, unknown>) => void, RegExp]>([
    ['NX_NO_CLOUD is set', { NX_NO_CLOUD: 'true' }, () => undefined, /NX_NO_CLOUD/],
    [
      'neverConnectToCloud is set',
      {},
      (nxJson) => (nxJson['neverConnectToCloud'] = true),
      /neverConnectToCloud/,
    ],
    ['nxCloudId is set', {}, (nxJson) => (nxJson['nxCloudId'] = 'abc'), /nxCloudId/],
    [
      'the runner is missing',
      {},
      (nxJson) => delete nxJson['tasksRunnerOptions'],
      /tasksRunnerOptions|accessToken/,
    ],
    ['the vendor token is set', { NX_CLOUD_ACCESS_TOKEN: 'abc' }, () => undefined, /NX_CLOUD_ACCESS_TOKEN/],
    [
      'nobody answers at the address',
      { DTE_COORDINATOR_URL: 'http://127.0.0.1:9' },
      () => undefined,
      /127\.0\.0\.1:9/,
    ],
  ])('exits with 1 and names the cure when %s', async (situation, env, change, named) => {
    const machine = fleet.machine(situation.replaceAll(/\W/g, '-'));
    nxJsonWith(machine, change);

    const exit = await machine.dte(['doctor'], { env });

    expect(plain(exit.output)).toMatch(named);
    expectExit(exit, 1);
  });

  it('exits with 1 if the alias nx-cloud is missing', async () => {
    const machine = fleet.machine('no-alias');
    await machine.run('rm', ['-r', 'node_modules/nx-cloud']);

    const exit = await machine.dte(['doctor']);

    expect(plain(exit.output)).toMatch(/nx-cloud/);
    expectExit(exit, 1);
  });
});
