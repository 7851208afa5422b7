import { sampleSession } from '@org/dte-testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportEvent } from '../src';
import { agent, planned, Story } from '../src/test-support/events';
import { keepPicture, listedTasks, nextFrame, PageBench, violationsOf } from './browser';

const HOSTILE = '</script><script>window.hit=1</script><img src=x onerror="window.hit=1">\u202etxt\u2028';

/** Another pipeline has made a result. */
const ORIGIN = { scope: 'trusted', pipelineId: '4711', jobId: '12', commit: '1a2b3c4d5e', atMs: 1 } as const;

/** A failure whose project, output, agent and command are all written by somebody else. */
function hostileEvents(): ReportEvent[] {
  const id = `${HOSTILE}:test`;
  const output = `${'long '.repeat(200_000)}\n\u001B[31m${HOSTILE}\u001B[39m\u001B]8;;javascript:window.hit=1\u0007link\u001B]8;;\u0007`;
  const { events } = new Story()
    .agents(0, agent(HOSTILE, { jobUrl: 'javascript:window.hit=1' }))
    .run(0, [planned(id), planned('shop:build'), planned('web:build')])
    .attempt(id, HOSTILE, [1, 5], { status: 'failure', output })
    .attempt('shop:build', HOSTILE, [2, 4])
    .hit('web:build', { ...ORIGIN, agent: HOSTILE })
    .ended('web:build', 5, { from: 'remote' })
    .over(6, false);
  return events.map((event) => (event.type === 'run' ? { ...event, command: HOSTILE } : event));
}

describe('the page of a report in a browser', () => {
  let bench: PageBench;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dte-page-'));
    bench = await PageBench.start(folder);
  });

  afterAll(async () => {
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  it('shows what others wrote as text and runs none of it, also where nothing would stop it', async () => {
    const { page, requests, complaints } = await bench.openFile(hostileEvents());
    expect(await page.locator('.failure .output').first().textContent()).toContain(
      'onerror="window.hit=1">\\u202etxt',
    );
    await page.locator('.failure .link').click();
    expect(await page.locator('.detail h2').textContent()).toContain('</script><script>window.hit=1');
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0);
    expect(await page.evaluate('window.hit')).toBeUndefined();
    expect(await page.locator('tr', { hasText: 'web:build' }).first().textContent()).toContain(
      'hit, trusted: pipeline 4711, job 12, commit 1a2b3c4d, </script><script>window.hit=1',
    );
    expect([requests, complaints]).toEqual([[], []]);
    // Without its policy: what holds is that all of it is text.
    const free = await bench.openFile(hostileEvents(), { bypassCSP: true });
    await free.page.locator('.failure .link').click();
    expect(await free.page.evaluate('window.hit')).toBeUndefined();
    expect(await free.page.locator('main img').count()).toBe(0);
  });

  it('can be read without its script: what failed, and the end of its output', async () => {
    const { page } = await bench.openFile(sampleSession({ tasks: 30, agents: 2, failing: 0.2, seed: 3 }), {
      javaScriptEnabled: false,
    });
    expect(await page.locator('h1').textContent()).toMatch(/of 30 tasks failed/);
    expect(await page.locator('.failure .output').first().innerText()).toContain('Expected: 1290');
  });

  it.each(['light', 'dark'] as const)('has nothing that axe-core objects to, %s', async (colorScheme) => {
    const events = sampleSession({ tasks: 120, agents: 4, failing: 0.03, seed: 2 });
    const { page } = await bench.openFile(events, { bypassCSP: true, colorScheme });
    await page.waitForSelector('html[data-complete]');
    await keepPicture(page, `test-120-${colorScheme}`);
    await page.locator('#row-0').click();
    expect(await violationsOf(page)).toEqual([]);
  });

  it('is walked with the keyboard: filter, table, a task, back, and the bars of the timeline', async () => {
    const { page } = await bench.openFile(
      sampleSession({ tasks: 60, agents: 3, cached: 0, failing: 0.05, seed: 5 }),
    );
    await page.keyboard.press('/');
    await page.keyboard.type('LINT agent');
    await nextFrame(page);
    const listed = await listedTasks(page);
    expect(listed.length).toBeGreaterThan(2);
    expect(listed.every((name) => name.includes('lint'))).toBe(true);
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown', 'Enter']) await page.keyboard.press(key);
    expect(await page.locator('.detail h2').textContent()).toBe(listed[1]);
    await page.keyboard.press('Escape');
    expect(await page.locator('.detail').count()).toBe(0);
    expect(await page.evaluate('document.activeElement.id')).toBe('grid');
    await page.locator('.timeline .scroller').focus();
    await page.keyboard.press('ArrowRight');
    const first = await page.locator('#timeline-focus').textContent();
    expect(first).toMatch(/ on nx agent 1\/3, took /);
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#timeline-focus').textContent()).not.toBe(first);
    await page.keyboard.press('Enter');
    await page.locator('.detail').waitFor();
  });

  it('shows the parts of a name in their order, in every script, and says when a command has not ended', async () => {
    const name = '\u05e2\u05d1\u05e8\u05d9\u05ea:build';
    const { page } = await bench.openFile(new Story().run(0, [planned(name)]).events);
    expect(await page.locator('h1').textContent()).toBe('0 of 1 task done when this report was written');
    expect(
      await page.evaluate("getComputedStyle(document.querySelector('#grid .task-name')).direction"),
    ).toBe('ltr');
    const nothing = await bench.openFile(new Story().run(0, []).over(1).events, { bypassCSP: true });
    await nothing.page.waitForSelector('html[data-complete]');
    expect(await nothing.page.locator('h1').textContent()).toBe('Nothing to do');
    expect(await violationsOf(nothing.page)).toEqual([]);
  });

  it('shows the ends of names that are too long, which tell them apart', async () => {
    const long = 'packages-of-the-platform-team-'.repeat(8);
    const names = [`${long}design:lint`, `${long}design:test`];
    const agents = [
      'kubernetes-executor-with-large-disks-eu-west 1/2',
      'kubernetes-executor-with-large-disks-eu-west 2/2',
    ];
    const story = new Story().agents(0, agent(agents[0]!), agent(agents[1]!)).run(
      0,
      names.map((name) => planned(name)),
    );
    names.forEach((name, at) => story.attempt(name, agents[at]!, [1, 5 - at]));
    const { page } = await bench.openFile(story.over(6, true).events);
    await page.waitForSelector('html[data-complete]');
    expect(await listedTasks(page)).toEqual(names);
    for (const end of ['lint', 'test', '1/2', '2/2']) {
      const part = page.locator('#grid .parted span:last-child', { hasText: end });
      const [text, cell] = await Promise.all([
        part.boundingBox(),
        part.locator('xpath=ancestor::td').boundingBox(),
      ]);
      expect(text!.width).toBeGreaterThan(50);
      expect(text!.x + text!.width).toBeLessThanOrEqual(cell!.x + cell!.width);
    }
  });

  it('is printed as wide as the paper, with its colours', async () => {
    const { page } = await bench.openFile(sampleSession({ tasks: 30, agents: 2, seed: 3 }));
    await page.waitForSelector('html[data-complete]');
    await nextFrame(page);
    await page.emulateMedia({ media: 'print' });
    // Before anything can be drawn again, which does not happen while a browser prints.
    const [canvas, room, adjust] = await page.evaluate<[number, number, string]>(`(() => {
      document.body.style.width = '600px';
      const right = (of) => document.querySelector(of).getBoundingClientRect().right;
      return [right('.scroller canvas'), right('.timeline'), getComputedStyle(document.querySelector('.swatch')).printColorAdjust];
    })()`);
    expect(canvas).toBeLessThanOrEqual(room);
    expect(adjust).toBe('exact');
  });

  it('tells several commands apart, and says what most tasks that ran have in common', async () => {
    const story = (runId: string, second: number): Story =>
      new Story(runId)
        .agents(second, agent('one'))
        .run(second, [planned('shop:build'), planned('shop:test')])
        .attempt('shop:build', 'one', [second, second + 2]);
    const green = story('r1', 0).attempt('shop:test', 'one', [1, 3]).over(4, true);
    const red = story('r2', 10).attempt('shop:test', 'one', [12, 14], { status: 'failure' }).over(15, false);
    const miss = (runId: string, taskId: string, ...inputs: string[]): ReportEvent => ({
      type: 'miss',
      atMs: 0,
      runId,
      taskId,
      miss: { kind: 'changed', text: 'two inputs differ', inputs },
    });
    const { page } = await bench.openFile([
      ...green.events,
      ...red.events,
      miss('r1', 'shop:build', 'package-lock.json changed', 'shop/a.ts changed'),
      miss('r2', 'shop:test', 'package-lock.json changed'),
    ]);
    expect(await page.locator('h1').textContent()).toBe('1 of 2 commands failed');
    expect(await page.locator('.commands li .note:last-child').allTextContents()).toEqual([
      '2 tasks succeeded · 4.0 s',
      '1 of 2 tasks failed · 5.0 s',
    ]);
    expect(await page.locator('.failure .note').first().textContent()).toContain('command #2');
    await page.waitForSelector('html[data-complete]');
    const reasons = page.locator('.reasons tbody tr');
    expect(await reasons.locator('th').allTextContents()).toEqual([
      'package-lock.json changed',
      'shop/a.ts changed',
    ]);
    await reasons.first().locator('.link', { hasText: 'shop:test' }).click();
    expect(await page.locator('.detail').textContent()).toContain('#2 nx affected');
  });

  it('opens ten thousand tasks, of which it holds a few rows, and filters and sorts them', async () => {
    const { page, requests } = await bench.openFile(sampleSession({ tasks: 10_000, agents: 100 }));
    expect(await page.locator('#grid').getAttribute('aria-rowcount')).toBe('10001');
    await page.waitForSelector('html[data-complete]');
    await keepPicture(page, 'test-10000');
    expect(await page.locator('#grid tbody tr').count()).toBeLessThan(100);
    await page.locator('th.c-task button').click();
    const [first = ''] = await listedTasks(page);
    await page.locator('th.c-task button').click();
    const [last = ''] = await listedTasks(page);
    expect(first.localeCompare(last, 'en', { numeric: true })).toBeLessThan(0);
    await page.locator('#grid').focus();
    await page.keyboard.press('End');
    await page.waitForSelector('#row-9999');
    expect((await listedTasks(page)).at(-1)).toBe(first);
    await page.locator('#filter').fill('no such task');
    await page.locator('.nothing').waitFor();
    expect(requests).toEqual([]);
  });
});
