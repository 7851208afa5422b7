import { type Fleet, type Machine, NX_VERSIONS } from '@org/dte-testing';
import { sampleFleet } from '../support/sample-fleet';

const FILES = ['nx.json', 'package.json', '.gitlab-ci.yml', '.gitlab/dte.yml', '.gitlab/dte-undo.json'];

const contents = (machine: Machine): Record<string, string | null> =>
  Object.fromEntries(FILES.map((file) => [file, machine.exists(file) ? machine.read(file) : null]));

describe.each(NX_VERSIONS)('nx %s g @org/dte', (nx) => {
  let fleet: Fleet;
  beforeAll(() => {
    fleet = sampleFleet({ nx, plugin: false, env: {} });
  });
  afterAll(async () => expect(await fleet.close()).toEqual([]));

  it('sets up from the packed tarballs, changes nothing the second time, and undoes everything', async () => {
    const machine = fleet.machine('laptop');
    const before = contents(machine);

    const first = await machine.nx(['g', '@org/dte:setup-gitlab', '--agents=2', '--targets=lint,test,build']);
    expect(first).toMatchObject({ code: 0, stdout: expect.stringContaining('dte: GitLab setup') as string });
    const after = contents(machine);
    expect(after['.gitlab/dte.yml']).toContain('parallel: 2');
    expect(JSON.parse(after['nx.json']!)).toMatchObject({
      tasksRunnerOptions: { default: { runner: '@org/dte', options: { accessToken: 'dte' } } },
    });

    const second = await machine.nx(['g', '@org/dte:setup-gitlab']);
    expect(second.stdout).toContain('everything is up to date');
    expect(contents(machine)).toEqual(after);

    expect(await machine.nx(['g', '@org/dte:remove'])).toMatchObject({ code: 0 });
    expect(contents(machine)).toEqual(before);
  });
});
