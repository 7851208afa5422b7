import { readFileSync } from 'node:fs';
import { GitlabProject } from '../gitlab/harness/gitlab-project';
import { expandPipeline, type PipelineRun } from '../gitlab/harness/pipeline-run';
import { expectVerdicts } from '../gitlab/harness/expect-verdicts';
import { readDocument } from '../support/documents';
import { ownLines, plain, shapeOf } from '../support/log';
import { type Step, stepsOf } from '../support/steps';

const PAGE = 'docs/tutorial/from-one-job-to-four.md';
/** As in e2e/gitlab/pipeline.test.ts. */
const NX = '23.2.1';
const AGENTS = ['nx-agent: [1/3]', 'nx-agent: [2/3]', 'nx-agent: [3/3]'];

/** The tutorial's tasks wait, so that a reader sees the effect. A test only needs them to end. */
const quickly = (text: string): string =>
  text.replaceAll(/\bsleep \d+/g, 'true').replaceAll('nx@23', `nx@${NX}`);

/** Every step is done, in the order of the page; only the pipeline of step 2, in one job, is read and not run. */
describe(PAGE, () => {
  const steps = stepsOf(readDocument(PAGE));
  const outputs: string[] = [];
  let project: GitlabProject;
  let first: object;
  let last: PipelineRun;

  const push = async (): Promise<void> => {
    const commits = project.git('rev-list', 'HEAD').split('\n');
    const [, before] = commits;
    if (before === undefined) first = await expandPipeline(project.clone, project.env);
    else last = await project.startPipeline({ variables: { CI_COMMIT_BEFORE_SHA: before } });
  };

  const take = async (step: Step): Promise<void> => {
    if (step.kind === 'push') await push();
    if (step.kind === 'write') project.write({ [step.path]: quickly(step.text) });
    if (step.kind !== 'run') return;
    const exit = await project.shell(quickly(step.line));
    expect(`${String(exit.code)} ${exit.code === 0 ? '' : exit.output}`).toBe('0 ');
    outputs.push(plain(exit.output));
  };

  const shown = (start: string): string[] => {
    const found = steps.find((step) => step.kind === 'see' && step.text.startsWith(start));
    return (found as { text: string }).text.trimEnd().split('\n');
  };

  beforeAll(async () => {
    project = await GitlabProject.create({ files: {} });
    for (const step of steps) await take(step);
  });

  afterAll(async () => {
    expect(await project.close()).toEqual([]);
  });

  it('begins with one job, and the generator says what to do with it', () => {
    expect(Object.keys(first).filter((name) => name !== 'stages')).toEqual(['check']);
    const report = outputs.join('\n').split('\n');
    expect(report).toEqual(expect.arrayContaining(shown('To do manually')));
  });

  it('ends with four jobs that show what the page shows, and with the outputs on the main job', async () => {
    const exit = await last.end();
    expect(`${String(exit.code)} ${exit.code === 0 ? '' : last.describe()}`).toBe('0 ');
    expectVerdicts(last, Object.fromEntries(['nx', ...AGENTS].map((job) => [job, 'passed'])));

    const lines = ownLines(last.log('nx'));
    const [opened, , end] = shown('dte: session').filter((line) => line.startsWith('dte:'));
    expect(lines.some((line) => shapeOf(opened!, 1).test(line))).toBe(true);
    expect(lines.some((line) => shapeOf(end!, 1).test(line))).toBe(true);
    expect(last.log('nx')).toContain(
      shown('dte: session')
        .find((line) => line.includes('NX'))!
        .trim(),
    );
    const names = shown('cart').map((line) => `${line}\n`);
    expect(readFileSync(last.artifact('nx', 'dist/shop/names.txt'), 'utf8')).toBe(names.join(''));

    const leaving = shown('▶').at(-1)!;
    for (const job of AGENTS) expect(last.log(job)).toContain(leaving);
    const logs = AGENTS.map((job) => last.log(job)).join('\n');
    expect(logs).toMatch(/^▶ search:test {2}attempt 1 {2}\(slot \d\)$/m);
    expect(logs).toMatch(/^✔ search:test {2}\d+\.\d s$/m);
    await project.everybodyGone();
  });
});
