import { pathToFileURL } from 'node:url';
import { launchChromium } from '@org/dte-testing';
import {
  CHANGED,
  ofMain,
  ofMergeRequest,
  type PipelineOf,
  type PipelineResult,
  SharedPipelines,
  type StandaloneCoordinator,
  TASKS,
} from '../support/shared-pipelines';
import { plain } from '../support/log';

/** What the test reads of it. */
interface ReportModel {
  readonly runs: readonly { readonly tasks: readonly unknown[] }[];
}

/** What the page of a report says of each task, as a person sees it who opens the file. */
async function rowsOfPage(file: string): Promise<string[]> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('html[data-ready]');
    return await page.locator('tr').allTextContents();
  } finally {
    await browser.close();
  }
}

const BUILDS = TASKS.filter((id) => id.endsWith(':build'));

/** As a user of the commands and options sees it. */
describe('results of other pipelines', () => {
  let pipelines: SharedPipelines;
  let place: StandaloneCoordinator;
  beforeEach(async () => {
    pipelines = await SharedPipelines.create();
    place = await pipelines.standalone(['--cache=coordinator']);
  });
  afterEach(async () => {
    expect(await pipelines.close()).toEqual([]);
  });

  const main = (more: Partial<PipelineOf> = {}): Promise<PipelineResult> =>
    pipelines.run(place, { claims: ofMain, sha: pipelines.fleet.base, ...more });

  it('are named with their origin, and forgotten with their pipeline', async () => {
    const first = await main();
    const said: string[] = [];
    const second = await main({
      after: async (pipeline) => {
        for (const args of [
          ['why', 'alpha:build'],
          ['report', '--format=json'],
          ['cache', 'forget', '--pipeline', first.id],
          ['cache', 'forget', '--pipeline', first.id],
          ['cache', 'forget', '--pipeline', 'x'],
        ]) {
          const { stdout, output } = await pipeline.dte(args);
          said.push(args[0] === 'report' ? stdout : plain(output));
        }
        const { code } = await pipeline.dte(['report', '--format=html', '--output=page.html']);
        expect(code).toBe(0);
      },
    });
    expect(second.ran).toEqual([]);
    const [run] = (JSON.parse(said.splice(1, 1)[0] ?? '') as ReportModel).runs;
    for (const task of run?.tasks ?? [])
      expect(task).toMatchObject({
        from: 'remote',
        origin: {
          scope: 'trusted',
          pipelineId: first.id,
          jobId: `${first.id}1`,
          commit: pipelines.fleet.base,
          agent: `${first.id}-agent`,
        },
      });
    expect(run?.tasks).toHaveLength(TASKS.length);
    const origin = `trusted: pipeline ${first.id}, job ${first.id}1, commit ${pipelines.fleet.base.slice(0, 8)}`;
    expect(second.output.split(origin)).toHaveLength(TASKS.length + 1);
    expect(said[0]).toContain(origin);
    const rows = await rowsOfPage(second.main.path('page.html'));
    for (const id of TASKS)
      expect(rows).toContainEqual(
        expect.stringMatching(new RegExp(`${id}.*hit, ${origin}, ${first.id}-agent`)),
      );
    expect(said[1]).toMatch(new RegExp(`^dte: [1-9]\\d* entries of pipeline ${first.id} removed`, 'm'));
    expect(said[2]).toContain(`0 entries of pipeline ${first.id} removed`);
    expect(said[3]).toContain('is not the id of a pipeline; nothing was removed');
    expect((await main()).ran).toEqual(TASKS);
  });

  it('are not forgotten by a merge request', async () => {
    const first = await main();
    const said: string[] = [];
    const attack = await pipelines.run(place, {
      claims: ofMergeRequest(7),
      sha: pipelines.fleet.head,
      after: async (pipeline) => {
        const { code, output } = await pipeline.dte(['cache', 'forget', '--pipeline', first.id]);
        said.push(`${String(code)} ${plain(output)}`);
      },
    });
    expect(attack.ran).toEqual(CHANGED);
    expect(said[0]).toMatch(/^[1-9]/);
    expect((await main()).ran).toEqual([]);
  });

  it('are not used for targets that must be built here, and not stored for targets that nobody may have', async () => {
    const trusting = {
      env: { DTE_CACHE_TRUST: JSON.stringify({ 'alpha:build': 'this-pipeline', '*:lint': 'never' }) },
    };
    const first = await main(trusting);
    expect(first.ran).toEqual(TASKS);
    const lint = TASKS.filter((id) => id.endsWith(':lint'));
    expect((await main(trusting)).ran).toEqual(['alpha:build', ...lint].sort());
    // What was built for all is there, what was for nobody is not.
    expect((await main()).ran).toEqual(lint);
  });

  it('are compared with what this pipeline makes, if a sample is wanted', async () => {
    const first = await main();
    const verifying = { env: { DTE_CACHE_VERIFY: '1' } };
    const same = await main(verifying);
    // The hash of a test is known only on the agent, when the build is there: the main job could not choose it.
    const chosen = TASKS.filter((id) => !id.endsWith(':test'));
    expect(same.ran).toEqual(chosen);
    expect(same.output).not.toContain('DTE_CACHE_DIFFERS');
    expect(same.output).toContain('dte: 10 results of other pipelines made again: 10 the same, 0 different');
    const differs = await main({
      ...verifying,
      prepare: (machine) => {
        const tool = machine.read('tools/task.cjs');
        machine.write('tools/task.cjs', tool.replace("id + '\\n' + parts", "id + ' OTHER\\n' + parts"));
      },
    });
    expect(differs.ran).toEqual(TASKS);
    for (const id of BUILDS)
      expect(differs.output).toMatch(
        new RegExp(
          `The result of ${id} .*pipeline ${first.id}, .* differs from the one made in this pipeline`,
        ),
      );
    expect(differs.main.read('dist/libs/alpha/out.txt')).toContain('OTHER');
  });
});
