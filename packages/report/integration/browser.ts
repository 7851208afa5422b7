import { foldEvents, staticPage, type ReportEvent } from '../src';
import { launchChromium } from '@org/dte-testing';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

/** A page, and what it did that a report must not do. */
export interface Opened {
  readonly page: Page;
  /** Addresses that were asked for, the page's own left out. */
  readonly requests: string[];
  /** Errors and refusals of its policy. */
  readonly complaints: string[];
}

/** One browser for all tests; a context of its own for each page. */
export class PageBench {
  private constructor(
    private readonly browser: Browser,
    private readonly folder: string,
  ) {}

  static async start(folder: string): Promise<PageBench> {
    return new PageBench(await launchChromium(), folder);
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  /** Opens the report of these events as by a double click. */
  async openFile(events: readonly ReportEvent[], options: BrowserContextOptions = {}): Promise<Opened> {
    const path = join(this.folder, 'dte-report.html');
    writeFileSync(path, staticPage(foldEvents(events)));
    return this.open(pathToFileURL(path).href, options);
  }

  /** `init`: a script that runs in the page before anything else. */
  async open(url: string, options: BrowserContextOptions & { init?: string } = {}): Promise<Opened> {
    const { init, ...others } = options;
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 900 }, ...others });
    if (init !== undefined) await context.addInitScript(init);
    const page = await context.newPage();
    const [requests, complaints]: [string[], string[]] = [[], []];
    page.on('request', (request) => {
      const asked = request.url();
      if (asked !== url && !asked.startsWith('data:')) requests.push(asked);
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(url);
    if (options.javaScriptEnabled !== false) await page.waitForSelector('html[data-ready]');
    return { page, requests, complaints };
  }
}

/** With what `npm run look` makes: a pipeline keeps it, for people to look at. */
const PICTURES = join(__dirname, '../../../tmp/look');

/** A picture of the whole page. */
export async function keepPicture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

/** What axe-core finds; open the page with `bypassCSP`, because its own policy refuses the check. */
export async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate<{ violations: { id: string; nodes: { html: string }[] }[] }>(
    'axe.run()',
  );
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
  );
}

/** The texts of the first column of names, as far as the table has them in the document. */
export const listedTasks = (page: Page): Promise<string[]> =>
  page.locator('#grid .task-name').allTextContents();

/** What was typed is filtered by in the next frame. */
export async function nextFrame(page: Page): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}
