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

  describe('on a machine without a CI session', () => {
    let laptop: Machine;
    /** As a workspace of npm scripts has them. */
    const SCRIPTS = {
      name: 'scripts',
      scripts: {
        'test:lib': 'node ../../tools/task.cjs scripts:test:lib',
        'test:types': 'tsc --noEmit',
        'test:lib:dev': 'npm run test:lib -- --watch',
        deploy: 'echo',
      },
    };

    const finds = async (code: number, ...texts: (string | RegExp)[]): Promise<void> => {
      const exit = await laptop.dte(['doctor']);
      for (const text of texts) expect(plain(exit.output)).toMatch(text);
      expectExit(exit, code);
    };

    beforeAll(() => {
      laptop = fleet.machine('laptop', { ci: false });
      const manifest = JSON.parse(laptop.read('package.json')) as object;
      laptop.write('package.json', JSON.stringify({ ...manifest, workspaces: ['packages/*'] }));
      laptop.write('packages/scripts/package.json', JSON.stringify(SCRIPTS));
    });

    it('exits with 1 without a pipeline, and with 0 after the set-up, which runs the checks that exist', async () => {
      await finds(1, 'there is no .gitlab-ci.yml here');

      const setup = await laptop.nx(['g', '@org/dte:setup-gitlab', '--no-interactive']);

      expectExit(setup, 0);
      expect(laptop.read('.gitlab/dte.yml')).toContain(' -t lint,test:types,test,test:lib,build ');
      const runs =
        /the pipeline runs 17 tasks: lint \(5\), test:types \(1\), test \(5\), test:lib \(1\), build \(5\)\./;
      expect(plain(setup.output)).toMatch(runs);
      await finds(0, runs, 'It does not run: deploy', 'Set up.');
    });

    it('refuses targets that no project has', async () => {
      const before = laptop.read('.gitlab/dte.yml');

      const exit = await laptop.nx(['g', '@org/dte:setup-gitlab', '--targets=unit,types']);

      expect(plain(exit.output)).toContain('no project of this workspace has unit or types');
      expectExit(exit, 1);
      expect(laptop.read('.gitlab/dte.yml')).toBe(before);
    });

    it('exits with 1 when the pipeline is green and tests nothing, or is never read', async () => {
      const written = laptop.read('.gitlab/dte.yml');
      laptop.write('.gitlab/dte.yml', written.replaceAll(/ -t \S+/g, ' -t unit'));
      await finds(1, 'the pipeline runs unit, which no project has: it is green and tests nothing');

      laptop.write('.gitlab/dte.yml', written);
      laptop.write('.gitlab-ci.yml', 'deploy:\n  script: make\n');
      await finds(1, 'no GitLab file includes .gitlab/dte.yml');
    });
  });

  it('exits with 1 if the alias nx-cloud is missing', async () => {
    const machine = fleet.machine('no-alias');
    await machine.run('rm', ['-r', 'node_modules/nx-cloud']);

    const exit = await machine.dte(['doctor']);

    expect(plain(exit.output)).toMatch(/nx-cloud/);
    expectExit(exit, 1);
  });
});
