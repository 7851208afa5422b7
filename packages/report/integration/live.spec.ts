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

  it('follows a session, shows the output of what runs, and goes on after the connection was lost', async () => {
    const begun = new Story().agents(0, agent('one')).run(0, [planned('shop:build'), planned('shop:test')]);
    server.tell(...begun.events);
    const { page } = await bench.open(await server.listen());
    const headline = page.locator('h1');
    await page.locator('.live.connected').waitFor();
    expect(await headline.textContent()).toBe('0 of 2 tasks done');

    const story = new Story().begin('shop:build', 'one', 1);
    server.tell(...story.events.splice(0));
    await page.locator('tr.running').click();
    await page.getByText('shop:build of r1').waitFor();
    server.write('\u001B[32mcompiled\u001B[39m half\n');
    await page.locator('.detail .output', { hasText: 'compiled half' }).waitFor();

    await server.stop();
    await page.locator('.live.lost', { hasText: 'Connection lost' }).waitFor();
    story.attempt('shop:build', 'one', [1, 3]);
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
