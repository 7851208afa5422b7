import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agent, planned, Story } from '../src/test-support/events';
import { PageBench } from './browser';
import { LiveServer } from './live-server';

describe('the live page in a browser', () => {
  let bench: PageBench;
  let folder: string;
  let server: LiveServer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dte-live-'));
    bench = await PageBench.start(folder);
  });

  beforeEach(() => {
    server = new LiveServer();
  });

  afterEach(() => server.stop());

  afterAll(async () => {
    await bench.close();
    rmSync(folder, { recursive: true });
  });

  it('draws the timeline of what begins after the page was opened', async () => {
    server.tell(...new Story().agents(0, agent('one')).run(0, [planned('shop:build')]).events);
    const { page } = await bench.open(await server.listen());
    await page.locator('.live.connected').waitFor();
    server.tell(...new Story().begin('shop:build', 'one', 1).events);
    await page.locator('.timeline canvas').waitFor();
    await page.waitForFunction(
      `(() => {
        const canvas = document.querySelector('.timeline canvas');
        if (canvas.width === 0 || canvas.clientWidth === 0) return false;
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value) => value !== 0);
      })()`,
    );
  });

  it('shows how long a command has taken by the clock of the server, also while nothing happens', async () => {
    const nowMs = Date.now();
    const { events } = new Story().agents(0, agent('one')).run(0, [planned('shop:build')]);
    // Began a minute ago; the clock of this browser is two hours ahead.
    server.tell(...events.map((event) => ({ ...event, atMs: nowMs - 60_000 })));
    const url = await server.listen();
    const { page } = await bench.open(url, {
      init: `const real = Date.now; Date.now = () => real.call(Date) + 7_200_000;`,
    });
    await page.locator('.live.connected').waitFor();
    await page
      .locator('.fact .value', { hasText: /^1 min \d+ s$/ })
      .first()
      .waitFor();
  });

  it('follows a session, shows the output of what runs, and goes on after the connection was lost', async () => {
    const begun = new Story().agents(0, agent('one')).run(0, [planned('shop:build'), planned('shop:test')]);
    server.tell(...begun.events);
    const { page } = await bench.open(await server.listen());
    const headline = page.locator('h1');
    await page.locator('.live.connected').waitFor();
    expect(await headline.textContent()).toBe('0 of 2 tasks done');
    expect(await page.locator('.timeline .nothing').textContent()).toBe('No slot has had a task yet.');

    const story = new Story().begin('shop:build', 'one', 1);
    server.tell(...story.events.splice(0));
    await page.locator('tr.running').click();
    await page.getByText('shop:build of r1').waitFor();
    server.write('\u001B[32mcompiled\u001B[39m half\n');
    await page.locator('.detail .output', { hasText: 'compiled half' }).waitFor();

    const output = page.locator('.detail .output');
    const OUTPUT = "document.querySelector('.detail .output')";
    const isAtEnd = (): Promise<boolean> =>
      page.evaluate(`${OUTPUT}.scrollHeight - ${OUTPUT}.scrollTop - ${OUTPUT}.clientHeight < 30`);
    server.write(`${'line\n'.repeat(200)}the end\n`);
    await output.getByText('the end').waitFor();
    expect(await isAtEnd()).toBe(true);
    // Whoever reads further up is left alone.
    await page.evaluate(`${OUTPUT}.scrollTo(0, 40)`);
    server.write('more\n');
    await output.getByText('more').waitFor();
    expect(await page.evaluate(`${OUTPUT}.scrollTop`)).toBe(40);

    await server.stop();
    await page.locator('.live.lost', { hasText: 'Connection lost' }).waitFor();
    story.attempt('shop:build', 'one', [1, 3]);
    server.tell(...story.events.splice(0));
    story.begin('shop:test', 'one', 3);
    server.tell(...story.events.splice(0));
    await server.listen();
    await page.locator('h1', { hasText: '1 of 2 tasks done' }).waitFor();
    await page.locator('.live.connected').waitFor();

    story.attempt('shop:test', 'one', [3, 4], { status: 'failure', output: 'it broke' }).over(5, false);
    server.tell(...story.events.splice(0));
    await page.locator('h1', { hasText: '1 of 2 tasks failed' }).waitFor();
    await page.locator('.failure .output', { hasText: 'it broke' }).waitFor();
    const models = server.asked.filter((path) => path === '/model').length;
    server.over = true;
    server.resume();
    await page.locator('.live.over').waitFor();
    expect(server.asked.filter((path) => path === '/model').length).toBe(models + 1);
    expect(new Set(server.asked)).toEqual(new Set(['/ui/', '/model', '/events', '/output']));
  });
});
