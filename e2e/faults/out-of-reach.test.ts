import { AFFECTED, Pipeline, type Fleet } from '@org/dte-testing';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectExit } from '../support/expect-exit';
import { machinesOf, plain, ranOn } from '../support/log';
import { sampleFleet, AFFECTED_TASKS } from '../support/sample-fleet';

/** An address that the system rejects immediately; with a packet filter nothing would answer, which takes the full limit. */
const NOBODY = 'http://127.0.0.1:9';

const WAITS = { DTE_UNREACHABLE_MS: '2000', DTE_AGENT_WAIT_MS: '120000' };

describe('agents that cannot reach their main job', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = sampleFleet();
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  /** A rendezvous in which the main job's coordinator has an unreachable address, as seen from another network; reports get through. */
  function seenFromElsewhere(pipeline: Pipeline): string {
    const [own, elsewhere] = [join(fleet.folder, 'rendezvous'), join(fleet.folder, 'elsewhere')];
    const record = JSON.parse(readFileSync(join(own, 'pipeline-1.json'), 'utf8')) as object;
    for (const folder of [elsewhere, join(own, 'pipeline-1.reports')]) mkdirSync(folder);
    symlinkSync(join(own, 'pipeline-1.reports'), join(elsewhere, 'pipeline-1.reports'));
    writeFileSync(join(elsewhere, 'pipeline-1.json'), JSON.stringify({ ...record, url: NOBODY }));
    for (const name of ['agent-1', 'agent-2'])
      pipeline.startAgent(name, { env: { DTE_RENDEZVOUS_DIR: elsewhere } });
    return elsewhere;
  }

  it('report it once and leave; the main job learns of it long before its wait ends, and does the work', async () => {
    const pipeline = await Pipeline.start(fleet, 0, WAITS);
    seenFromElsewhere(pipeline);

    const exit = await pipeline.nx(AFFECTED);

    expectExit(exit, 0, pipeline);
    const log = plain(exit.output);
    expect(log.match(/DTE_UNREACHABLE /g)).toHaveLength(1);
    expect(log).toMatch(/No agent can reach this job: (1 agent reports|2 agents report) so/);
    expect(log).toMatch(/`dte coordinator`.*DTE_COORDINATOR_URL.*docs\/[\w/-]+\.md/);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(AFFECTED_TASKS);
    expect(machinesOf(fleet.journal())).toEqual(['main']);
    for (const { process } of pipeline.agents) {
      const { code, output } = await process.end();
      expect(code).toBe(1);
      expect(plain(output).match(/DTE_UNREACHABLE /g)).toHaveLength(1);
    }
    await pipeline.complete();
  });

  it('do not block those that can', async () => {
    const pipeline = await Pipeline.start(fleet, 0, WAITS);
    seenFromElsewhere(pipeline);
    for (const { process } of pipeline.agents) await process.end();
    const able = pipeline.startAgent('able', { env: { DTE_UNREACHABLE_MS: '60000' } });
    await able.process.waitForOutput('is connected to');

    expectExit(await pipeline.nx(AFFECTED), 0, pipeline);

    expect(machinesOf(fleet.journal())).toEqual(['able']);
    await pipeline.dte(['complete-ci-run']);
    expect((await able.process.end()).code).toBe(0);
    await pipeline.everybodyGone();
  });
});
