// npm run look [-- pattern|--picture]: pictures of the report's page, for people who change it: 1, 20, 1,000 and 10,000 tasks, light and
// dark, wide and narrow, and the states that are seldom seen. They go to tmp/look. Each page is checked by axe-core; the exit
// code is 1 if it finds something. `--picture` draws the one of the documentation, docs/images/report.png, and no other.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bootstrap, root } from './bootstrap.mjs';
import { lookedAt, picturedPage } from './lib/look-pages.mjs';
import { loadWorkspaceFactory } from './lib/testing.mjs';

const require = createRequire(import.meta.url);
const folder = join(root, 'tmp', 'look');

const SCREENS = {
  wide: { viewport: { width: 1440, height: 900 } },
  narrow: { viewport: { width: 390, height: 844 } },
};

async function violationsOf(page) {
  await page.evaluate(readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate('axe.run()');
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
  );
}

async function look(browser, { name, url, act, whole }) {
  let found = 0;
  for (const [screen, options] of Object.entries(SCREENS))
    for (const colorScheme of ['light', 'dark']) {
      // axe-core is injected, which the page's own policy forbids.
      const context = await browser.newContext({
        ...options,
        colorScheme,
        deviceScaleFactor: 1,
        bypassCSP: true,
      });
      const page = await context.newPage();
      page.on('pageerror', (error) => console.error(`${name}: ${error.message}`));
      await page.goto(url);
      await page.waitForSelector('html[data-complete]');
      await act?.(page);
      // A canvas is drawn in the frame after.
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
      const file = `${name}-${screen}-${colorScheme}.png`;
      await page.screenshot({ path: join(folder, file), fullPage: whole });
      const violations = await violationsOf(page);
      found += violations.length;
      console.log([file, ...violations].join('\n  '));
      await context.close();
    }
  return found;
}

async function picture(browser) {
  const path = join(folder, 'picture.html');
  writeFileSync(path, picturedPage());
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  await page.goto(pathToFileURL(path).href);
  await page.waitForSelector('html[data-complete]');
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
  await page.screenshot({ path: join(root, 'docs', 'images', 'report.png') });
}

async function main() {
  await bootstrap();
  mkdirSync(folder, { recursive: true });
  const [pattern = ''] = process.argv.slice(2);
  const browser = await loadWorkspaceFactory().launchChromium();
  let found = 0;
  try {
    if (pattern === '--picture') return await picture(browser).then(() => 0);
    for (const { name, html, act, whole } of lookedAt().filter(({ name }) => name.includes(pattern))) {
      const path = join(folder, `${name}.html`);
      writeFileSync(path, html());
      found += await look(browser, { name, url: pathToFileURL(path).href, act, whole });
    }
  } finally {
    await browser.close();
  }
  console.log(`${folder}: ${found} violations`);
  return found === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error) => {
  console.error(error.message);
  return 1;
});
