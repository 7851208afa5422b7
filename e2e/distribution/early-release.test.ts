import { type Fleet, Pipeline, sampleCommand, waitFor } from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { ownLines, plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const QUICK = ['one', 'two', 'three'];
const LEAVES = "dte: 2 agents leave: the rest of the session can't use them (option releaseAgentsEarly)";

const target = (id: string, options: Record<string, string | number>): object => ({
  cache: true,
  dependsOn: ['^make'],
  command: sampleCommand(id, { ...options, writes: `dist/${id.replace(':', '-')}.txt` }),
  outputs: [`{workspaceRoot}/dist/${id.replace(':', '-')}.txt`],
});

/** Three tasks that are over at once, and one that waits, with one behind it. */
const PROJECTS = {
  ...Object.fromEntries(
    QUICK.map((name) => [
      name,
      {
        root: `libs/${name}`,
        targets: { make: target(`${name}:make`, {}), break: target(`${name}:break`, {}) },
      },
    ]),
  ),
  slow: {
    root: 'libs/slow',
    targets: {
      make: target('slow:make', { until: 'made' }),
      break: target('slow:break', { until: 'broken', exit: 3 }),
    },
  },
  last: { root: 'apps/last', dependsOn: ['slow'], targets: { make: target('last:make', {}) } },
};

describe('a run with a long end', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  async function begin(agents: number): Promise<void> {
    fleet = sampleFleet({ projects: PROJECTS });
    const env = { DTE_RELEASE_IDLE_MS: '500', DTE_AGENT_RETURN_MS: '500', DTE_AGENT_WAIT_MS: '2000' };
    pipeline = new Pipeline(fleet, fleet.machine('main'), env);
    await pipeline.startCiRun(['--stop-agents-after=make,break']);
    for (let index = 1; index <= agents; index++) pipeline.startAgent(`agent-${index}`);
    await waitFor('all agents', () => pipeline.agents.every(({ process }) => isConnected(process.output())));
  }

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  const isConnected = (output: string): boolean => output.includes('is connected to');
  const running = (): Pipeline['agents'] => pipeline.agents.filter(({ process }) => process.running);

  /** All but two agents leave with 0: one that runs the slow task, and one in reserve. */
  async function othersLeave(): Promise<void> {
    await waitFor('the other agents to leave', () => running().length === 2, {
      lastState: () => pipeline.describe(),
    });
    const gone = pipeline.agents.filter(({ process }) => !process.running);
    for (const { process } of gone) {
      const exit = await process.end();
      expect(exit.code).toBe(0);
      expect(plain(exit.output)).toMatch(
        /dte: done, leaving: For the rest of the run, at most 1 task can run at the same time, and 2 agents will do \(option releaseAgentsEarly\)\.\n$/,
      );
    }
  }

  /** The machine that has begun a task last, once it is another than those before. */
  const placeOf = (id: string, others: readonly string[] = []): Promise<string> =>
    waitFor(`${id} on another machine`, () => {
      const starts = fleet.journal().filter((entry) => entry.id === id && entry.what === 'start');
      const { machine = '' } = starts.at(-1) ?? {};
      return machine !== '' && !others.includes(machine) ? machine : undefined;
    });

  const kill = async (name: string): Promise<void> => {
    pipeline.agent(name).process.signalTree('SIGKILL');
    await pipeline.agent(name).process.end();
  };

  it('lets agents go that it cannot use, and the one in reserve goes on when the other dies', async () => {
    await begin(4);
    const command = pipeline.startNx(['run-many', '-t', 'make', '--parallel=1']);
    const first = await placeOf('slow:make');
    await othersLeave();
    const status = await pipeline.dte(['status']);
    expect(plain(status.output)).toContain('2 agents left early: nothing is left that they could do');

    await kill(first);
    const second = await placeOf('slow:make', [first]);
    fleet.open('made');

    const exit = await command.end();
    expectExit(exit, 0, pipeline);
    expect(ownLines(exit.output).filter((line) => line.includes('leave'))).toEqual([LEAVES]);
    expect(ranOn(fleet.journal())).toMatchObject({ 'slow:make': [second], 'last:make': [second] });
    expect(pipeline.main.filesBelow('dist')).toHaveLength(5);
    expect((await pipeline.agent(second).process.end()).code).toBe(0);
    await pipeline.everybodyGone();
  });

  it('runs on the main job what is left when the last agents die after that, and fails if it fails', async () => {
    await begin(3);
    const command = pipeline.startNx(['run-many', '-t', 'break', '--parallel=1']);
    const first = await placeOf('slow:break');
    await othersLeave();
    await kill(first);
    const second = await placeOf('slow:break', [first]);
    await kill(second);
    await placeOf('slow:break', [first, second]);
    fleet.open('broken');

    const exit = await command.end();
    expectExit(exit, 1, pipeline);
    expect(ranOn(fleet.journal())['slow:break']).toEqual(['main']);
    await pipeline.complete();
  });
});
