import { foldEvents } from '../model/fold';
import { sessionModelSchema } from '../model/schema';
import { markdownOf } from '../formats/markdown';
import { agent, measuredOf, planned, Story } from '../test-support/events';
import { accuracyOf, withAccuracy } from './accuracy';

const expecting = (id: string, seconds: number | null, dependencies: string[] = []) => ({
  ...planned(id, dependencies),
  expectedMs: seconds === null ? null : seconds * 1000,
});

/** One agent with one slot: `a` took what was expected, `b` four times as long, of `c` nothing was known, `d` came from a cache. */
const story = (): Story =>
  new Story()
    .agents(0, agent('one', { slots: 1 }))
    .run(0, [
      expecting('a:build', 10),
      expecting('b:build', 5),
      expecting('c:build', null),
      expecting('d:build', 1),
    ])
    .attempt('a:build', 'one', [0, 10])
    .attempt('b:build', 'one', [10, 30], { measured: measuredOf({ run: 20 }) })
    .attempt('c:build', 'one', [30, 35])
    .ended('d:build', 1, { from: 'remote' })
    .over(40);

const accuracy = (of: Story) => {
  const model = foldEvents(of.events);
  return accuracyOf(model, model.runs[0] ?? { ...model.runs[0]! });
};

describe('expected against actual durations', () => {
  it('compares tasks that ran and were expected to take some time, and names the estimates that were most wrong', () => {
    expect(accuracy(story())).toMatchObject({
      tasks: 2,
      expectedMs: 15_000,
      actualMs: 30_000,
      goodShare: 0.5,
      worst: [
        { id: 'b:build', expectedMs: 5_000, actualMs: 20_000 },
        { id: 'a:build', expectedMs: 10_000, actualMs: 10_000 },
      ],
    });
  });

  it('says how long the command should have taken on the same agents: the rest of it stays as it was', () => {
    expect(accuracy(story())?.wall).toEqual({ expectedMs: 25_000, actualMs: 40_000 });
  });

  it('has nothing to say in a first pipeline, of failures, and of a command that still runs', () => {
    const first = new Story()
      .agents(0, agent('one'))
      .run(0, [planned('a:build')])
      .attempt('a:build', 'one', [0, 10]);
    expect(accuracy(first.over(10))).toBeNull();
    const failed = new Story().agents(0, agent('one')).run(0, [expecting('a:build', 1)]);
    expect(
      accuracy(failed.attempt('a:build', 'one', [0, 10], { status: 'failure' }).over(10, false)),
    ).toBeNull();
    const running = new Story().agents(0, agent('one')).run(0, [expecting('a:build', 1)]);
    expect(accuracy(running.attempt('a:build', 'one', [0, 1]))).toMatchObject({ tasks: 1, wall: null });
  });

  it('learns what is expected when the coordinator has accepted the command, whoever tells first', () => {
    const run = () => new Story().run(0, [planned('a:build'), expecting('b:build', 7)]);
    const told = run();
    told.events.push({
      type: 'expected',
      atMs: 1,
      runId: 'r1',
      tasks: [
        ['a:build', 3_000],
        ['b:build', 9],
        ['gone', 1],
      ],
    });
    const known = (of: Story) => foldEvents(of.events).runs[0]?.tasks.map(({ expectedMs }) => expectedMs);
    expect(known(told)).toEqual([3_000, 7_000]);
    const twice = run().run(1, [expecting('a:build', 4), planned('b:build')]);
    expect(known(twice)).toEqual([4_000, 7_000]);
  });

  it('is part of the JSON and of the summary', () => {
    const model = foldEvents(story().events);
    const json = sessionModelSchema.parse(JSON.parse(JSON.stringify(withAccuracy(model))));
    expect(json.runs[0]?.accuracy).toMatchObject({ tasks: 2, medianErrorPercent: 0 });
    const text = markdownOf(model);
    expect(text).toContain(
      '40 s instead of 25 s; of 2 estimates, 50 % were wrong by a factor of at most 1.5',
    );
    expect(text).toContain('| b\\:build | 5 s | 20 s |');
  });
});
