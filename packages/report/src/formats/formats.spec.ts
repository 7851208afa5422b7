import { SaxesParser } from 'saxes';
import { foldEvents } from '../model/fold';
import { agent, measuredOf, planned, Story } from '../test-support/events';
import { withoutAnsi } from '../text/ansi';
import { junitOf } from './junit';
import { markdownOf } from './markdown';
import { traceOf } from './trace';

/** What a strict reader of XML finds: each element with its attributes and its text. It throws at the first error. */
function elementsOf(xml: string): { name: string; attributes: Record<string, string>; text: string }[] {
  const found: ReturnType<typeof elementsOf> = [];
  const open: typeof found = [];
  const parser = new SaxesParser();
  parser.on('error', (error) => {
    throw error;
  });
  parser.on('opentag', ({ name, attributes }) => {
    const element = { name, attributes, text: '' };
    found.push(element);
    open.push(element);
  });
  parser.on('text', (text) => {
    const last = open.at(-1);
    if (last !== undefined) last.text += text;
  });
  parser.on('closetag', () => open.pop());
  parser.write(xml).close();
  return found;
}

const HOSTILE =
  'red \u001b[31mError\u001b[0m & <script>alert("]]>")</script>\u0000\u0008\uD800 \u2713 \n`````\n';

function story(output = HOSTILE): Story {
  const tasks = [planned('app:build'), planned('lib:test'), planned('lib:e2e', ['lib:test'])];
  return new Story()
    .agents(0, agent('agent 1/2', { jobUrl: 'https://gitlab.example.com/a b/-/jobs/1' }), agent('agent 2/2'))
    .run(0, tasks)
    .attempt('app:build', 'agent 1/2', [0, 2.5])
    .attempt('lib:test', 'agent 2/2', [0, 4], { status: 'failure', output })
    .ended('lib:e2e', 4, { status: 'skipped', code: null })
    .over(5, false);
}

describe('the JUnit report', () => {
  it('has a test case for each task, with its time, its failure and the end of its output', () => {
    const elements = elementsOf(junitOf(foldEvents(story('Expected 1').events)));
    expect(elements.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['testsuites', { name: 'nx' }],
      [
        'testsuite',
        { name: 'nx affected -t build,test', tests: '3', failures: '1', skipped: '1', time: '5.000' },
      ],
      ['testcase', { classname: 'app', name: 'build', time: '2.500' }],
      ['testcase', { classname: 'lib', name: 'test', time: '4.000' }],
      ['failure', { message: 'exit code 1', type: 'failure' }],
      ['testcase', { classname: 'lib', name: 'e2e', time: '0.000' }],
      ['skipped', { message: 'a dependency failed' }],
    ]);
    expect(elements[4]?.text).toBe('lib:test failed on agent 2/2\n\nExpected 1');
  });

  it('is well-formed whatever a task prints, and shows the text without colours', () => {
    const failure = elementsOf(junitOf(foldEvents(story().events))).find(({ name }) => name === 'failure');
    expect(failure?.text).toContain(
      'red Error & <script>alert("]]>")</script>\uFFFD\uFFFD\uFFFD \u2713 \n`````',
    );
  });

  it('stays below what GitLab reads: outputs are cut at the beginning, passed tasks are left out of a huge run', () => {
    const count = 25_000;
    const ids = Array.from({ length: count }, (_, nth) => `p${nth}:test`);
    const huge = new Story().run(
      0,
      ids.map((id) => planned(id)),
    );
    // Three bytes each in UTF-8: the limit is one of bytes.
    const output = `${'\u2713'.repeat(16_000)}end`;
    ids.forEach((id, nth) => huge.ended(id, 1, nth < 1_000 ? { status: 'failure', output } : {}));
    const xml = junitOf(foldEvents(huge.over(2, false).events));
    expect(Buffer.byteLength(xml)).toBeLessThan(30_000_000);
    const elements = elementsOf(xml);
    expect(elements.filter(({ name }) => name === 'testcase')).toHaveLength(1_000);
    expect(elements[1]?.attributes['name']).toContain('without the tasks that passed');
    expect(elements.find(({ name }) => name === 'failure')?.text).toMatch(/end$/);
  });
});

describe('the JUnit report of a run where too much failed', () => {
  const failing = (ids: readonly string[], output: string): string => {
    const huge = new Story().run(
      0,
      ids.map((id) => planned(id)),
    );
    for (const id of ids) huge.ended(id, 1, { status: 'failure', output });
    return junitOf(foldEvents(huge.over(2, false).events));
  };
  const ids = (count: number): string[] => Array.from({ length: count }, (_, nth) => `p${nth}:test`);

  it('stays below the size that GitLab reads, also with characters that take six bytes', () => {
    const xml = failing(ids(2_000), `${'"'.repeat(16_000)}end`);
    expect(Buffer.byteLength(xml)).toBeLessThan(30_000_000);
    expect(elementsOf(xml).find(({ name }) => name === 'failure')?.text).toMatch(/"end$/);
  });

  it('stays below it with long names, and keeps their ends', () => {
    const xml = failing(
      ids(15_000).map((id) => `${'&'.repeat(1_000)}${id}`),
      'x',
    );
    expect(Buffer.byteLength(xml)).toBeLessThan(30_000_000);
    expect(elementsOf(xml).find(({ name }) => name === 'testcase')?.attributes['classname']).toMatch(/&p0$/);
  });

  it('stays below the number of objects that GitLab reads, and says so', () => {
    const elements = elementsOf(failing(ids(60_000), ''));
    expect(elements.length).toBeLessThan(60_000);
    expect(elements[1]?.attributes).toMatchObject({
      name: expect.stringContaining('(not all tasks)') as string,
      tests: '20000',
      failures: '60000',
    });
  });
});

describe('the Markdown summary', () => {
  it('says what happened, lists failures with their output and agents with their use', () => {
    const text = markdownOf(foldEvents(story('one\ntwo').events));
    expect(text).toContain('❌ 3 tasks in 5 s · 0 from cache · **1 failed** · 1 not run');
    expect(text).toContain('<details><summary><code>lib:test</code></summary>\n\n```text\none\ntwo\n```');
    expect(text).toContain('| [agent 1/2](https://gitlab.example.com/a%20b/-/jobs/1) | 1 | 3 s | 25 % |');
  });

  it('is short for a run without failures', () => {
    const green = new Story()
      .run(0, [planned('a:build')])
      .ended('a:build', 0, { from: 'local' })
      .over(1);
    expect(markdownOf(foldEvents(green.events))).toBe(
      '✅ 1 task in 1 s · 1 from cache\n\n`nx affected -t build,test`\n',
    );
  });

  it('is not green for a command that did not end, or that ended otherwise than well', () => {
    const open = new Story().run(0, [planned('a:build')]).ended('a:build', 0, { from: 'local' });
    expect(markdownOf(foldEvents(open.events))).toMatch(/^❔ 1 task in /);
    expect(markdownOf(foldEvents(open.over(1, false).events))).toMatch(/^❌ 1 task in /);
  });

  it('lists the tasks that used most, where it was measured', () => {
    const names = Array.from({ length: 7 }, (_, nth) => `p${nth}:build`);
    const busy = new Story().agents(0, agent('one', { slots: 7 })).run(
      0,
      names.map((name) => planned(name)),
    );
    names.forEach((name, nth) => {
      const use = { cpuMs: nth * 60_000, peakMemoryBytes: (10 - nth) * 100 * 1024 * 1024 };
      busy.attempt(name, 'one', [0, 4], { measured: measuredOf({ run: 4 }, use) });
    });
    const text = markdownOf(foldEvents(busy.over(4).events));
    expect(text).toContain('| p6\\:build | 6 min 0 s | 400 MB |');
    expect(text).not.toContain('p1\\:build');
    expect(text).toContain('Most memory: p0\\:build, 1000 MB.');
  });

  it('lists the most frequent reasons for which tasks were not cached, of all commands', () => {
    const names = Array.from({ length: 12 }, (_, nth) => `p${nth}:build`);
    const first = new Story('r1').run(
      0,
      names.map((name) => planned(name)),
    );
    names.forEach((name, nth) =>
      first.miss(name, 'environment variable CI_JOB_ID differs', `p${nth}/a|b.ts changed`),
    );
    const second = new Story('r2')
      .run(1, [planned('p0:test')])
      .miss('p0:test', 'environment variable CI_JOB_ID differs');
    const text = markdownOf(foldEvents([...first.events, ...second.events]));
    expect(text).toContain(
      [
        '### Not cached',
        '',
        '| Tasks | Reason | Such as |',
        '| ----: | ------ | ------- |',
        '| 13 | environment variable CI\\_JOB\\_ID differs | p0\\:build |',
        '| 1 | p0/a\\|b.ts changed | p0\\:build |',
      ].join('\n'),
    );
    expect(text).toContain('\n3 more reasons.\n');
  });

  it('lets no output or name leave its place', () => {
    const text = markdownOf(foldEvents(story().events));
    expect(text).toContain('``````text\nred Error');
    const named = new Story()
      .run(0, [planned('<img src=x>@all:build')])
      .ended('<img src=x>@all:build', 1, { status: 'failure' });
    const shown = markdownOf(foldEvents(named.over(1, false).events));
    expect(shown).toContain('<summary><code>&lt;img src=x&gt;@all:build</code></summary>');
    expect(shown).not.toContain('<img');
    const command = new Story().run(0, [planned('a:build')], 'nx\n\n/approve\n`x`');
    expect(markdownOf(foldEvents(command.events))).toContain("`nx /approve 'x'`");
  });
});

describe('the trace', () => {
  it('is in the Trace Event Format: a process for each agent, a thread for each slot', () => {
    const { traceEvents } = JSON.parse(traceOf(foldEvents(story().events))) as {
      traceEvents: { ph: string }[];
    };
    expect(traceEvents.filter(({ ph }) => ph === 'M')).toMatchObject([
      { pid: 0, args: { name: 'agent 1/2' } },
      { pid: 1, args: { name: 'agent 2/2' } },
      { pid: 2, args: { name: 'main job' } },
    ]);
    expect(traceEvents.filter(({ ph }) => ph === 'X')).toMatchObject([
      { name: 'app:build', pid: 0, tid: 0, ts: 1_700_000_000_000_000, dur: 2_500_000, cat: 'success' },
      { name: 'run', pid: 0, tid: 0, ts: 1_700_000_000_000_000, dur: 2_500_000, cat: 'phase' },
      { name: 'lib:test', pid: 1, tid: 0, dur: 4_000_000, cat: 'failure' },
      { name: 'run', pid: 1, tid: 0, dur: 4_000_000 },
    ]);
  });

  it('has no events on a thread that overlap without one being inside the other: Perfetto would drop them', () => {
    const measured = measuredOf({ queued: 0.1001, restore: 1 / 3, wait: 0.07, run: 2.9, store: 2 / 7 });
    const tasks = ['a:build', 'b:build', 'c:build'].map((id) => planned(id));
    const busy = new Story().agents(0, agent('one', { slots: 1 })).run(0, tasks);
    tasks.forEach(({ id }, nth) => {
      const assigned = nth * 5.1;
      busy.attempt(id, 'one', [assigned + 0.9, assigned + 3.8], {
        measured,
        assigned,
        accepted: assigned + 5.1,
      });
    });
    const { traceEvents } = JSON.parse(traceOf(foldEvents(busy.over(20).events))) as {
      traceEvents: { ph: string; ts: number; dur: number; name: string }[];
    };
    const events = traceEvents.filter(({ ph }) => ph === 'X');
    expect(events.map(({ name }) => name).slice(0, 7)).toEqual([
      'a:build',
      'queue',
      'restore',
      'wait',
      'run',
      'store',
      'report',
    ]);
    const open: number[] = [];
    for (const { ts, dur } of events) {
      while (open.length > 0 && (open.at(-1) ?? 0) <= ts) open.pop();
      expect(ts + dur).toBeLessThanOrEqual(open.at(-1) ?? Infinity);
      open.push(ts + dur);
    }
  });
});

describe('terminal output as text', () => {
  it('has no escape sequences', () => {
    const link = '\u001b]8;;https://example.com\u0007link\u001b]8;;\u001b\\';
    expect(withoutAnsi('\u001b]0;never ended\nthe reason')).toBe('\nthe reason');
    expect(withoutAnsi(`\u001b[1;31mred\u001b[0m ${link} \u001b[2K\u001b[1Gx\r\n`)).toBe('red link x\n');
  });
});
