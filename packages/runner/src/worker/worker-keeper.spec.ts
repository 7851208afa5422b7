import type { Config } from '@org/dte-config';
import { sessionAgent } from '../test-support/run-log';
import { slotsHere } from './worker-demand';
import { WorkerKeeper, type Worker } from './worker-keeper';

const auto = { mainSlots: 'auto', expectedAgents: 2 } as const;

it.each([
  [
    'a number, whoever is there',
    { mainSlots: 3, expectedAgents: 1 } as const,
    [sessionAgent(), sessionAgent()],
    0,
    3,
  ],
  ['auto, before agents had time to come', auto, [], 99, 0],
  ['auto, too few agents', auto, [sessionAgent()], 100, 8],
  ['auto, enough agents', auto, [sessionAgent(), sessionAgent()], 100, 0],
  [
    'auto, agents that leave, are gone, or are workers like this',
    auto,
    [
      sessionAgent(),
      sessionAgent({ draining: true }),
      sessionAgent({ connected: false }),
      sessionAgent({ onlyRun: 'r' }),
    ],
    100,
    8,
  ],
])('%s', (_, config, agents, elapsedMs, expected) => {
  expect(slotsHere({ config, agents, released: 0, elapsedMs, mainSlotsWaitMs: 100, cores: 8 })).toBe(
    expected,
  );
});

it.each([
  [1, 0],
  [0, 8],
])(
  'auto, one agent is there, and %s have left because nothing is left that they could do',
  (released, expected) => {
    const there = { agents: [sessionAgent()], released, elapsedMs: 100 };
    expect(slotsHere({ config: auto, ...there, mainSlotsWaitMs: 100, cores: 8 })).toBe(expected);
  },
);

function setUp(config: Pick<Config, 'mainSlots' | 'expectedAgents'>) {
  const events: string[] = [];
  let end: (exitCode: number) => void = () => undefined;
  const keeper = new WorkerKeeper({
    config,
    limits: { mainSlotsWaitMs: 0 },
    disk: {
      sharedFolder: '/no-such-folder',
      bring: () => Promise.resolve(),
      began: () => undefined,
      over: () => undefined,
    },
    voice: { line: (text) => void events.push(text) },
    start: (slots): Worker => {
      events.push(`start ${slots > 1 ? 'several' : slots}`);
      const over = new Promise<number>((resolve) => (end = resolve));
      const finish = (what: string): void => void events.push(what);
      return {
        over,
        drain: () => finish('drain'),
        stop: () => {
          finish('stop');
          end(0);
          return Promise.resolve();
        },
      };
    },
  });
  return { keeper, events, end: (exitCode: number) => end(exitCode) };
}

describe('WorkerKeeper', () => {
  it('starts a worker with the run and stops it at the end of the run', async () => {
    const { keeper, events } = setUp({ mainSlots: 1, expectedAgents: 1 });
    keeper.begin();
    keeper.onSession({ agents: [sessionAgent(), sessionAgent()] });
    await keeper.close();
    keeper.onSession({ agents: [] });
    expect(events).toEqual(['start 1', 'stop']);
  });

  it('does not restart a worker that could not work', async () => {
    const { keeper, events, end } = setUp({ mainSlots: 1, expectedAgents: 1 });
    keeper.begin();
    end(1);
    await new Promise((resolve) => setImmediate(resolve));
    keeper.onSession({ agents: [] });
    await keeper.close();
    expect(events).toEqual(['start 1']);
  });

  it('stops it when agents are connected, and starts one again when they are not', async () => {
    const { keeper, events, end } = setUp({ mainSlots: 'auto', expectedAgents: 1 });
    keeper.onSession({ agents: [] });
    keeper.onSession({ agents: [sessionAgent()] });
    keeper.onSession({ agents: [sessionAgent()] });
    end(0);
    await new Promise((resolve) => setImmediate(resolve));
    keeper.onSession({ agents: [] });
    await keeper.close();
    expect(events.filter((event) => !event.startsWith('dte:'))).toEqual([
      expect.stringMatching(/^start/) as string,
      'drain',
      expect.stringMatching(/^start/) as string,
      'stop',
    ]);
  });
});
