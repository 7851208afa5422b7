import { Pipeline, type Fleet } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { machinesOf } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

describe('an agent with --slots auto', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet();
    pipeline = new Pipeline(fleet, fleet.machine('main'));
    await pipeline.startCiRun();
  });

  afterAll(async () => {
    expect((await completeAndClose(pipeline, fleet)).map(({ code }) => code)).toEqual([0]);
  });

  it('runs all tasks of a command, and the status of the session shows it', async () => {
    const agent = pipeline.startAgent('agent-1', { args: ['--slots', 'auto'] });
    await agent.process.waitForOutput('is connected to');
    const { stdout } = await pipeline.dte(['status']);
    expect(stdout).toMatch(/agent-1 .*auto, by run/);

    const exit = await pipeline.nx(['run-many', '-t', 'build,test', '--parallel=2', '--output-style=static']);

    expectExit(exit, 0, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1']);
  });
});
