import {
  type Fleet,
  type JournalEntry,
  Pipeline,
  sampleCommand,
  type SampleProject,
  waitFor,
} from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { ownLines, plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const RULES = '.nx/dte.yaml';
const SHOPS = ['one', 'two', 'three'];

const PROJECTS: Record<string, SampleProject> = Object.fromEntries(
  SHOPS.map((name): [string, SampleProject] => [
    name,
    {
      root: `apps/${name}`,
      tags: ['type:shop'],
      targets: {
        unit: { command: sampleCommand(`${name}:unit`, { sleep: 300 }) },
        browse: {
          command: sampleCommand(`${name}:browse`, { sleep: 300, writes: `dist/${name}.txt` }),
          outputs: [`{workspaceRoot}/dist/${name}.txt`],
        },
        train: { command: sampleCommand(`${name}:train`) },
        report: { command: sampleCommand(`${name}:report`), dependsOn: ['train'] },
      },
    },
  ]),
);

const YAML = `assignment-rules:
  - targets: ['*']
    run-on: [{ agent: nobody }]
  - projects: ['tag:type:*']
    targets: [brow*]
    run-on:
      - agent: huge
      - agent: browser
        parallelism: 1
  - projects: [one]
    targets: [train]
    run-on: [{ agent: gpu }]
  - projects: ['*']
    targets: [unit, report, train]
    run-on: [{ agent: any }, { agent: browser }]
`;

/** Whether nothing else started on the machine while one of these tasks ran there. */
function wasAlone(journal: readonly JournalEntry[], machine: string, ids: readonly string[]): boolean {
  const running = new Set<string>();
  return journal
    .filter((entry) => entry.machine === machine)
    .every(({ id, what }) => {
      if (what === 'end') return running.delete(id);
      const isFree = ids.includes(id)
        ? running.size === 0
        : ![...running].some((other) => ids.includes(other));
      running.add(id);
      return isFree;
    });
}

describe('assignment rules', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = new Pipeline(fleet, fleet.machine('main'));
    pipeline.main.write(RULES, YAML);
    await pipeline.startCiRun();
    pipeline.startAgent('agent-1', { args: ['--labels=browser,linux'] });
    pipeline.startAgent('agent-2', { env: { DTE_LABELS: 'any' } });
    await waitFor('both agents', async () => {
      const { output } = await pipeline.dte(['status']);
      return (output.match(/connected/g) ?? []).length === 2;
    });
  });

  afterAll(async () => {
    await pipeline.complete();
    expect(await fleet.close()).toEqual([]);
  });

  it('send tasks to agents with a label, which status shows, and let a task run alone on its machine', async () => {
    expect(plain((await pipeline.dte(['status'])).output)).toMatch(/agent-1 +browser, linux +connected/);

    const exit = await pipeline.nx(['run-many', '-t', 'unit,browse', '--parallel=2']);

    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    const browsing = SHOPS.map((name) => `${name}:browse`);
    for (const id of browsing) expect(ran[id]).toEqual(['agent-1']);
    for (const name of SHOPS) expect(ran[`${name}:unit`]).toEqual([expect.stringMatching(/^agent-/)]);
    expect(wasAlone(fleet.journal(), 'agent-1', browsing)).toBe(true);
    expect(pipeline.main.filesBelow('dist')).toEqual(SHOPS.map((name) => `${name}.txt`).sort());
  });

  it('fail the tasks that no agent may run, early and with the reason, and nothing else', async () => {
    fleet.clearJournal();
    // The agents are connected since before the first test: nothing but `one:train` waits for this long.
    const patience = { DTE_AGENT_WAIT_MS: '5000' };
    const exit = await pipeline.nx(['run-many', '-t', 'train,report', '--parallel=2'], { env: patience });

    // Nx decides the exit code: it has a specific one if a task was skipped.
    expect(exit.code).toBeGreaterThan(0);
    const log = plain(exit.output);
    expect(log).toMatch(
      /one:train did not run: the rule \.nx\/dte\.yaml:10 \(targets train, projects one\) requires agents with the label gpu/,
    );
    expect(log).toContain('Labels of the connected agents: any, browser, linux.');
    expect(log).toContain('Code: DTE_RULE_UNSATISFIED');
    const ran = Object.keys(ranOn(fleet.journal())).sort();
    expect(ran).toEqual(['three:report', 'three:train', 'two:report', 'two:train']);
  });

  it('are shown and checked by dte validate, with the lines of problems', async () => {
    const shown = await pipeline.dte(['validate']);
    expectExit(shown, 0, pipeline);
    const text = plain(shown.output);
    expect(text).toMatch(
      /\.nx\/dte\.yaml:4 +targets brow\*, projects tag:type:\* +huge, browser \(1\) +3 +one:browse/,
    );
    expect(text).toMatch(/\.nx\/dte\.yaml:10 +targets train, projects one +gpu +1 +one:train\n/);
    expect(text).toMatch(/● \.nx\/dte\.yaml:1 warning: git ignores it/);

    pipeline.main.write(RULES, YAML.replace('run-on: [{ agent: gpu }]', 'run-on: [{ agnt: gpu }]'));
    const broken = await pipeline.dte(['validate']);
    expect(broken.code).toBe(1);
    expect(plain(broken.output)).toContain(
      '✘ .nx/dte.yaml:12 assignment-rules[2].run-on[0]: unknown key agnt',
    );

    fleet.clearJournal();
    const exit = await pipeline.nx(['run-many', '-t', 'unit', '--skip-nx-cache']);
    expectExit(exit, 0, pipeline);
    expect(exit.output).toContain('Code: DTE_BAD_RULES');
    expect(ownLines(exit.output)).toContain('dte: this command runs undistributed');
    expect(ranOn(fleet.journal())['one:unit']).toEqual(['main']);
  });
});
