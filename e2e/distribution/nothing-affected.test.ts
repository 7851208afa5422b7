import { Pipeline, type Fleet } from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { sampleFleet } from '../support/sample-fleet';

describe('a pipeline in which nothing is affected', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = sampleFleet();
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  it('releases its agents immediately, although none of the targets they wait for has run', async () => {
    const pipeline = new Pipeline(fleet, fleet.machine('main'));
    await pipeline.startCiRun(['--stop-agents-after=build']);
    const agents = ['agent-1', 'agent-2'].map((name) => pipeline.startAgent(name).process);
    for (const agent of agents) await agent.waitForOutput('is connected to');

    const exit = await pipeline.nx(['affected', '-t', 'lint,test,build', '--base=HEAD', '--head=HEAD']);

    expectExit(exit, 0, pipeline);
    for (const agent of agents) expect((await agent.end(10_000)).code).toBe(0);
    expect(fleet.journal()).toEqual([]);
    await pipeline.everybodyGone();
  });
});
