import { type Machine, SAMPLE_PROJECTS } from '@org/dte-testing';
import {
  SAMPLE_TARGET_DEFAULTS,
  sampleFiles,
  sampleNxJson,
  DEFAULT_NX_VERSION,
  Fleet,
  install,
} from '@org/dte-testing';
import { LIGHT_NX } from '../support/light-nx';
import { inSchedule } from '../support/scheduled';
import {
  BucketServer,
  ofMain,
  ofMergeRequest,
  type PipelineResult,
  type Place,
  SharedPipelines,
  StandaloneCoordinator,
} from '../support/shared-pipelines';

const TASKS = Object.keys(SAMPLE_PROJECTS)
  .flatMap((project) => ['build', 'lint', 'test'].map((target) => `${project}:${target}`))
  .sort();
/** What the second commit affects. */
const CHANGED = TASKS.filter((id) => /^(beta|shop):/.test(id));
const OUTPUTS = ['libs/beta', 'apps/shop'].map((root) => `dist/${root}/out.txt`);

/** A tool that all tasks run and that is no input of theirs: the hashes stay, the bytes do not. */
function poison(machine: Machine): void {
  const tool = machine.read('tools/task.cjs');
  machine.write('tools/task.cjs', tool.replace("id + '\\n' + parts", "id + ' POISONED\\n' + parts"));
}

const bytes = ({ main }: PipelineResult): string => OUTPUTS.map((path) => main.read(path)).join('');

/** CVE-2025-36852: a merge request stores bad bytes under a hash that main will ask for. */
describe('one cache for all pipelines of a project', () => {
  let fleet: Fleet;
  let pipelines: SharedPipelines;
  const closers: (() => Promise<void>)[] = [];

  beforeEach(async () => {
    fleet = Fleet.create({
      install: install({ nx: DEFAULT_NX_VERSION }),
      files: sampleFiles(SAMPLE_PROJECTS, sampleNxJson({ targetDefaults: SAMPLE_TARGET_DEFAULTS })),
      change: { 'libs/beta/source.txt': 'beta, changed\n' },
      env: LIGHT_NX,
    });
    pipelines = await SharedPipelines.create(fleet);
  });

  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
    await pipelines.close();
    expect(await fleet.close()).toEqual([]);
  });

  const standalone = async (
    args: string[],
    env: Record<string, string> = {},
  ): Promise<StandaloneCoordinator> => {
    const program = fleet.machine('service').path('node_modules/@org/dte/dist/cli/main.js');
    const issuers = `--issuers=${pipelines.gitlab.url}`;
    const coordinator = new StandaloneCoordinator(program, [issuers, ...args], env);
    closers.push(() => coordinator.close());
    await coordinator.start();
    return coordinator;
  };

  const bucket = async (): Promise<BucketServer> => {
    const server = await BucketServer.start();
    closers.push(() => server.close());
    return server;
  };

  async function expectNobodyPoisonsMain(place: Place): Promise<void> {
    const { base, head } = fleet;
    const first = await pipelines.run(place, { claims: ofMain, sha: base });
    expect(first.ran).toEqual(TASKS);

    // A merge request reads what main has built, and writes for itself.
    const attack = await pipelines.run(place, { claims: ofMergeRequest(7), sha: head, prepare: poison });
    expect(attack.ran).toEqual(CHANGED);
    expect(attack.output).toContain('dte: 9 results from other pipelines: 9 from trusted\n');
    expect(bytes(attack)).toContain('POISONED');
    const again = await pipelines.run(place, { claims: ofMergeRequest(7), sha: head });
    expect(again.ran).toEqual([]);
    expect(again.output).toContain(
      'dte: 15 results from other pipelines: 9 from trusted, 6 from earlier pipelines of this ref\n',
    );
    expect(bytes(again)).toContain('POISONED');

    // The same commit, the same hashes.
    const main = await pipelines.run(place, { claims: ofMain, sha: head });
    expect(main.ran).toEqual(CHANGED);
    expect(main.output).toContain(
      `trusted: pipeline ${first.id}, job ${first.id}1, commit ${base.slice(0, 8)}`,
    );
    expect(bytes(main)).not.toContain('POISONED');

    // Another merge request has what main has built, and nothing of the first one.
    const other = await pipelines.run(place, { claims: ofMergeRequest(8), sha: head });
    expect(other.ran).toEqual([]);
    expect(other.output).toContain('dte: 15 results from other pipelines: 15 from trusted\n');
    expect(bytes(other)).toBe(bytes(main));
  }

  it('is not poisoned by a merge request: folder of a standalone coordinator', async () => {
    await expectNobodyPoisonsMain(await standalone(['--cache=coordinator']));
  });

  inSchedule('is not poisoned by a merge request: bucket of a standalone coordinator', async () => {
    const server = await bucket();
    await expectNobodyPoisonsMain(await standalone([], server.env));
    expect(await server.requests()).toContainEqual(expect.stringMatching(/^GET .*X-Amz-Signature=/));
  });

  inSchedule('is not poisoned by a merge request: bucket of embedded coordinators', async () => {
    const server = await bucket();
    const place = { env: server.env, packages: ['@aws-sdk'], close: () => Promise.resolve() };
    await expectNobodyPoisonsMain(place);
    expect(await server.requests()).toContainEqual(expect.stringMatching(/^GET .*X-Amz-Signature=/));
  });
});
