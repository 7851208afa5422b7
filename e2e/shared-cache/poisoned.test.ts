import type { Machine } from '@org/dte-testing';
import { inSchedule } from '../support/scheduled';
import {
  CHANGED,
  ofMain,
  ofMergeRequest,
  type PipelineResult,
  type Place,
  SharedPipelines,
  TASKS,
} from '../support/shared-pipelines';

const OUTPUTS = ['libs/beta', 'apps/shop'].map((root) => `dist/${root}/out.txt`);

/** A tool that all tasks run and that is no input of theirs: the hashes stay, the bytes do not. */
function poison(machine: Machine): void {
  const tool = machine.read('tools/task.cjs');
  machine.write('tools/task.cjs', tool.replace("id + '\\n' + parts", "id + ' POISONED\\n' + parts"));
}

const bytes = ({ main }: PipelineResult): string => OUTPUTS.map((path) => main.read(path)).join('');

/** CVE-2025-36852: a merge request stores bad bytes under a hash that main will ask for. */
describe('one cache for all pipelines of a project', () => {
  let pipelines: SharedPipelines;
  beforeEach(async () => {
    pipelines = await SharedPipelines.create();
  });
  afterEach(async () => {
    expect(await pipelines.close()).toEqual([]);
  });

  async function expectNobodyPoisonsMain(place: Place): Promise<void> {
    const { base, head } = pipelines.fleet;
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
    await expectNobodyPoisonsMain(await pipelines.standalone(['--cache=coordinator']));
  });

  inSchedule('is not poisoned by a merge request: bucket of a standalone coordinator', async () => {
    const server = await pipelines.bucket();
    await expectNobodyPoisonsMain(await pipelines.standalone([], server.env));
    expect(await server.requests()).toContainEqual(expect.stringMatching(/^GET .*X-Amz-Signature=/));
  });

  inSchedule('is not poisoned by a merge request: bucket of embedded coordinators', async () => {
    const server = await pipelines.bucket();
    const place = { env: server.env, packages: ['@aws-sdk'] };
    await expectNobodyPoisonsMain(place);
    expect(await server.requests()).toContainEqual(expect.stringMatching(/^GET .*X-Amz-Signature=/));
  });
});
