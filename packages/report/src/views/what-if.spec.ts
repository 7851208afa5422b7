import { foldEvents } from '../model/fold';
import { agent, planned, Story } from '../test-support/events';
import { whatIfOf } from './what-if';

const one = agent('one', { slots: 1 });
const two = agent('two', { slots: 1 });

/** Six tasks of two seconds without order on two agents with one slot each, and a second for the end. */
function independent(): Story {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((project) => `${project}:build`);
  const story = new Story().agents(0, one, two).run(
    0,
    names.map((name) => planned(name)),
  );
  names.forEach((name, nth) => {
    const from = Math.floor(nth / 2) * 2;
    story.attempt(name, nth % 2 === 0 ? 'one' : 'two', [from, from + 2]);
  });
  return story;
}

describe('one agent more or less', () => {
  it('changes the time of tasks that could run side by side', () => {
    expect(whatIfOf(foldEvents(independent().over(7).events))).toEqual({
      actualMs: 7000,
      fewer: { agents: 1, wallMs: 13_000 },
      same: { agents: 2, wallMs: 7000 },
      more: { agents: 3, wallMs: 5000 },
    });
  });

  it('changes nothing for a chain', () => {
    const story = new Story()
      .agents(0, one, two)
      .run(0, [planned('a:build'), planned('b:build', ['a:build'])]);
    story.attempt('a:build', 'one', [0, 4]).attempt('b:build', 'two', [4, 8]).over(8);
    expect(whatIfOf(foldEvents(story.events))).toMatchObject({
      fewer: { wallMs: 8000 },
      same: { wallMs: 8000 },
      more: { wallMs: 8000 },
    });
  });

  it('counts the time until an agent came: another one would not have been there sooner', () => {
    const story = new Story().run(0, [planned('a:build'), planned('b:build')]).agents(5, one);
    story.attempt('a:build', 'one', [5, 7]).attempt('b:build', 'one', [7, 9]).over(9);
    expect(whatIfOf(foldEvents(story.events))).toEqual({
      actualMs: 9000,
      fewer: null,
      same: { agents: 1, wallMs: 9000 },
      more: { agents: 2, wallMs: 7000 },
    });
  });

  it('is not estimated where nothing ran on agents, or nothing is over', () => {
    const cached = new Story().agents(0, one).run(0, [planned('a:build')]);
    expect(whatIfOf(foldEvents(cached.ended('a:build', 1, { from: 'remote' }).over(2).events))).toBeNull();
    expect(whatIfOf(foldEvents(independent().events))).toBeNull();
    expect(whatIfOf(foldEvents([]))).toBeNull();
  });

  it('takes no time to speak of for 10,000 tasks on 100 agents', () => {
    const names = Array.from({ length: 10_000 }, (_, nth) => `p${nth}:build`);
    const agents = Array.from({ length: 100 }, (_, nth) => agent(`agent ${nth}`, { slots: 2 }));
    const story = new Story().agents(0, ...agents).run(
      0,
      names.map((name, nth) =>
        planned(name, nth < 100 ? [] : [`p${nth - 100}:build`, `p${nth % 100}:build`]),
      ),
    );
    names.forEach((name, nth) => {
      const from = Math.floor(nth / 100);
      story.attempt(name, `agent ${nth % 100}`, [from, from + 1]);
    });
    const model = foldEvents(story.over(100).events);
    const before = process.cpuUsage();
    expect(whatIfOf(model)?.same.wallMs).toBe(100_000);
    const { user, system } = process.cpuUsage(before);
    // Many times what it takes here; with the square of the tasks, it would be minutes.
    expect((user + system) / 1000).toBeLessThan(5_000);
  });
});
