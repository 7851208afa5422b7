import type { CacheOrigin } from '@org/dte-protocol';
import { reportEventSchema } from './event';
import { foldEvents } from './fold';
import { agent, planned, Story, T0 } from '../test-support/events';

const tasks = [planned('lib:build'), planned('app:build', ['lib:build'])];

describe('the fold of events into a model', () => {
  it('shows a run on agents, with when each task ran', () => {
    const story = new Story().agents(0, agent('one'), agent('two')).run(1, tasks);
    story.attempt('lib:build', 'one', [2, 5]).attempt('app:build', 'two', [5, 9]).over(10);
    const { agents, runs } = foldEvents(story.events);
    expect(agents.map(({ name, slots, leftMs }) => [name, slots, leftMs])).toEqual([
      ['one', 2, null],
      ['two', 2, null],
    ]);
    expect(runs).toMatchObject([
      { command: 'nx affected -t build,test', startMs: T0 + 1000, endMs: T0 + 10_000, ok: true },
    ]);
    expect(runs[0]?.tasks).toMatchObject([
      { id: 'lib:build', status: 'success', dependencies: [], doneMs: T0 + 5000 },
      { id: 'app:build', status: 'success', dependencies: [0], attempts: [{ agent: 1, outcome: 'success' }] },
    ]);
    expect(runs[0]?.tasks[0]?.attempts).toEqual([
      {
        number: 1,
        agent: 0,
        assignedMs: T0 + 2000,
        startMs: T0 + 2000,
        endMs: T0 + 5000,
        outcome: 'success',
        code: 0,
        reason: null,
        measured: null,
        acceptedMs: T0 + 5000,
        reportMs: 0,
      },
    ]);
  });

  it('names the pipeline that has made a result, unless the task ran after all', () => {
    const origin: CacheOrigin = {
      scope: 'own',
      pipelineId: '7',
      jobId: null,
      commit: 'c',
      agent: 'a',
      atMs: T0,
    };
    const story = new Story().agents(0, agent('one')).run(1, tasks);
    story.hit('lib:build', origin).hit('app:build', origin);
    story.ended('lib:build', 2, { from: 'remote' }).ended('app:build', 3, { here: true, startMs: T0 });
    expect(foldEvents(story.events).runs[0]?.tasks.map((task) => task.origin)).toEqual([origin, null]);
  });

  it('leaves an attempt as it ended when its task ends later for another reason, with the same result', () => {
    const story = new Story().agents(0, agent('one')).run(1, tasks);
    story.attempt('lib:build', 'one', [2, 5], { status: 'failure', retried: true });
    const attempts = () => structuredClone(foldEvents(story.events).runs[0]?.tasks[0]?.attempts);
    const before = attempts();
    // Nothing new may start any more (--nxBail): the failure that was to be retried is final.
    story.attempt('lib:build', 'one', [2, 5], { status: 'failure', accepted: 60 });
    expect(attempts()).toEqual(before);
  });

  it('keeps lost attempts and failures before a retry, and calls a task flaky that then succeeded', () => {
    const reason = { code: 'DTE_LEASE_EXPIRED' as const, message: 'agent one is gone' };
    const story = new Story().agents(0, agent('one'), agent('two')).run(1, tasks);
    story.begin('lib:build', 'one', 2).entry(4, {
      seq: 2,
      type: 'retried',
      taskId: 'lib:build',
      attempt: 1,
      agent: { agentId: 'one', name: 'one', jobUrl: null },
      reason,
    });
    story.attempt('lib:build', 'two', [4, 6], { attempt: 2, status: 'failure', retried: true });
    story.attempt('lib:build', 'two', [6, 8], { attempt: 3 });
    const [lib] = foldEvents(story.events).runs[0]?.tasks ?? [];
    expect(lib).toMatchObject({ status: 'success', flaky: true });
    expect(lib?.attempts.map(({ outcome, agent: on, endMs }) => [outcome, on, endMs])).toEqual([
      ['lost', 0, T0 + 4000],
      ['failure', 1, T0 + 6000],
      ['success', 1, T0 + 8000],
    ]);
    expect(lib?.attempts[0]?.reason).toEqual(reason);
  });

  it.each([
    ['second', 1, 2],
    ['first', 2, 1],
  ])(
    'of two attempts at the same time, the %s had the first result: it is the last, the other was stopped',
    (_, loser, winner) => {
      const onOf = (attempt: number): string => (attempt === 1 ? 'one' : 'two');
      const story = new Story().agents(0, agent('one'), agent('two')).run(1, tasks);
      story.begin('lib:build', 'one', 2).begin('lib:build', 'two', 6, { attempt: 2, second: true });
      story.entry(8, {
        seq: 3,
        type: 'retried',
        taskId: 'lib:build',
        attempt: loser,
        agent: { agentId: onOf(loser), name: onOf(loser), jobUrl: null },
        reason: { code: 'DTE_SECOND_START', message: 'The other one was first.' },
      });
      story.attempt('lib:build', onOf(winner), [3, 8], { attempt: winner });
      const [lib] = foldEvents(story.events).runs[0]?.tasks ?? [];
      expect(lib).toMatchObject({ status: 'success', flaky: false });
      expect(lib?.attempts.map(({ number, outcome, second = false }) => [number, outcome, second])).toEqual([
        [loser, 'stopped', loser === 2],
        [winner, 'success', winner === 2],
      ]);
    },
  );

  it('places attempts of an agent with a wrong clock where the coordinator saw them', () => {
    const story = new Story().run(1, tasks).begin('lib:build', 'one', 2);
    const hourMs = 3_600_000;
    const { events } = new Story().attempt('lib:build', 'one', [2, 5]);
    for (const event of events) {
      if (event.type !== 'entry' || event.entry.type !== 'ended') continue;
      const result = event.entry.result?.kind === 'finished' ? event.entry.result : null;
      if (result === null) throw new Error('no result');
      const ahead = { ...result, startMs: result.startMs + hourMs, endMs: result.endMs + hourMs };
      story.events.push({ ...event, entry: { ...event.entry, result: ahead } });
    }
    expect(foldEvents(story.events).runs[0]?.tasks[0]?.attempts).toMatchObject([
      { startMs: T0 + 2000, endMs: T0 + 5000 },
    ]);
  });

  it('shows cache hits without attempts, and what the main job ran as its own', () => {
    const story = new Story().run(1, tasks).ended('lib:build', 1, { from: 'remote' });
    story.ended('app:build', 9, {
      here: true,
      startMs: T0 + 2000,
      endMs: T0 + 9000,
      status: 'failure',
      output: 'no',
    });
    const [lib, app] = foldEvents(story.events).runs[0]?.tasks ?? [];
    expect(lib).toMatchObject({ status: 'success', from: 'remote', attempts: [] });
    expect(app).toMatchObject({
      status: 'failure',
      output: 'no',
      attempts: [{ number: 0, agent: null, startMs: T0 + 2000, endMs: T0 + 9000, outcome: 'failure' }],
    });
  });

  it('is the same if everything is told twice, or the end of a task before its beginning', () => {
    const told = new Story()
      .agents(0, agent('one'))
      .run(0, [planned('a:build'), planned('b:build', ['a:build'])])
      .attempt('a:build', 'one', [1, 2]);
    told.ended('b:build', 4, { here: true, startMs: 2_000, endMs: 4_000 });
    const { events } = told.over(5);
    const once = foldEvents(events);
    expect(once.runs[0]?.tasks.map(({ attempts }) => attempts.length)).toEqual([1, 1]);
    expect(foldEvents(events.flatMap((event) => [event, event]))).toEqual(once);
    const [first, ...rest] = events.filter(({ type }) => type === 'entry');
    const swapped = [
      ...events.filter(({ type }) => type !== 'entry').slice(0, -1),
      ...rest,
      first!,
      events.at(-1)!,
    ];
    expect(foldEvents(swapped).runs[0]?.tasks[0]).toMatchObject({
      status: 'success',
      attempts: [{ number: 1 }],
    });
  });

  it('knows when an agent left and that it came back', () => {
    const story = new Story().agents(0, agent('one')).agents(5, agent('one', { connected: false }));
    expect(foldEvents(story.events).agents).toMatchObject([{ joinedMs: T0, leftMs: T0 + 5000 }]);
    story.agents(6, agent('one', { connected: false }));
    expect(foldEvents(story.events).agents).toMatchObject([{ leftMs: T0 + 5000 }]);
    story.agents(7, agent('one'));
    expect(foldEvents(story.events).agents).toMatchObject([{ joinedMs: T0, leftMs: null }]);
  });

  it('ends what a stopped command left open, and ignores tasks and runs that it does not know', () => {
    const story = new Story().run(1, tasks).begin('lib:build', 'one', 2);
    expect(foldEvents(story.events).runs[0]?.tasks.map(({ status }) => status)).toEqual([
      'running',
      'waiting',
    ]);
    story.ended('other:build', 3).over(4, false);
    story.events.push({ type: 'run.ended', atMs: T0, runId: 'other', ok: true });
    const { runs } = foldEvents(story.events);
    expect(runs).toMatchObject([{ ok: false }]);
    expect(runs[0]?.tasks.map(({ status }) => status)).toEqual(['stopped', 'stopped']);
  });

  it('writes events that are read again as they are', () => {
    const story = new Story()
      .agents(0, agent('one'))
      .run(1, tasks)
      .attempt('lib:build', 'one', [2, 5])
      .over(6);
    const read = story.events.map((event) => reportEventSchema.parse(JSON.parse(JSON.stringify(event))));
    expect(foldEvents(read)).toEqual(foldEvents(story.events));
  });
});
