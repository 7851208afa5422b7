// The benchmark of the report's page: folds and renders a session, and measures it in chromium.
/* global document, requestAnimationFrame -- the functions that run in the page */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadWorkspaceFactory } from './testing.mjs';

const require = createRequire(import.meta.url);

const timed = (action) => {
  const startedAt = performance.now();
  const result = action();
  return { result, ms: performance.now() - startedAt };
};

/** Frames of each scroll. */
const FRAMES = 90;

/** In the page: scrolls one thing from top to bottom, a step for each frame. Returns how long that took, in ms. */
async function scroll({ selector, frames }) {
  const scroller = document.querySelector(selector);
  const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
  scroller.scrollIntoView({ block: 'center' });
  await nextFrame();
  const startedAt = performance.now();
  const height = scroller.scrollHeight - scroller.clientHeight;
  for (let frame = 1; frame <= frames; frame++) {
    scroller.scrollTop = (height * frame) / frames;
    await nextFrame();
  }
  return performance.now() - startedAt;
}

const FILTERS = ['c', 'ca', 'cat', 'cat lint', ''];

/** In the page: from a key in the filter to the frame that shows its result, the slowest one. */
async function filter(texts) {
  const field = document.getElementById('filter');
  const times = [];
  for (const text of texts) {
    const startedAt = performance.now();
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - startedAt);
  }
  return Math.max(...times);
}

/** Milliseconds that a CPU profile has in the page's own script, and in what that calls. */
function scriptMsOf({ nodes, samples, timeDeltas }, url) {
  const own = new Set();
  // A node comes before those that it calls.
  for (const { id, callFrame, children = [] } of nodes) {
    if (callFrame.url.startsWith(url)) own.add(id);
    if (own.has(id)) for (const child of children) own.add(child);
  }
  return samples.reduce((sum, id, index) => sum + (own.has(id) ? timeDeltas[index] : 0), 0) / 1000;
}

/**
 * What the page itself does while `action` runs, in ms: its script, and layout and style. Here chromium draws with the
 * processor: how many frames there are depends on that as well, and these do not.
 */
async function costOf(session, url, action) {
  const layoutMs = async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const ms = (wanted) => metrics.find(({ name }) => name === wanted).value * 1000;
    return ms('LayoutDuration') + ms('RecalcStyleDuration');
  };
  const before = await layoutMs();
  await session.send('Profiler.start');
  const result = await action();
  const { profile } = await session.send('Profiler.stop');
  return { result, scriptMs: scriptMsOf(profile, url), layoutMs: (await layoutMs()) - before };
}

async function measured(path) {
  const browser = await loadWorkspaceFactory().launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    await session.send('Profiler.enable');
    const url = pathToFileURL(path).href;
    await page.goto(url);
    await page.waitForSelector('html[data-ready]');
    const readyMs = await page.evaluate(() => performance.now());
    await page.waitForSelector('html[data-complete]');
    const completeMs = await page.evaluate(() => performance.now());
    const firstPaintMs = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0].startTime,
    );
    const scrolled = (selector) =>
      costOf(session, url, () => page.evaluate(scroll, { selector, frames: FRAMES }));
    const table = await scrolled('.grid');
    const timeline = await scrolled('.timeline .scroller');
    const filtered = await costOf(session, url, () => page.evaluate(filter, FILTERS));
    return { firstPaintMs, readyMs, completeMs, table, timeline, filtered };
  } finally {
    await browser.close();
  }
}

const tenths = (ms) => Math.round(ms * 10) / 10;

function describe({ readyMs, completeMs, table, timeline, filtered }) {
  const frame = ({ scriptMs, layoutMs }) =>
    `script ${tenths(scriptMs / FRAMES)} ms, layout ${tenths(layoutMs / FRAMES)} ms`;
  return [
    `ready after ${Math.round(readyMs)} ms, complete after ${Math.round(completeMs)} ms`,
    `a frame of the table: ${frame(table)}; of the timeline: ${frame(timeline)}`,
    `a key in the filter: ${Math.round(filtered.result)} ms, of which script ${tenths(filtered.scriptMs / FILTERS.length)} ms`,
  ].join('\n');
}

/** @param {{ tasks: number, agents: number, say: (text: string) => void }} options */
export async function reportBench({ tasks, agents, say }) {
  const { foldEvents, staticPage } = require('@org/dte-report');
  const events = loadWorkspaceFactory().sampleSession({ tasks, agents });
  const { result: model, ms: foldMs } = timed(() => foldEvents(events));
  const { result: html, ms: pageMs } = timed(() => staticPage(model));
  const folder = mkdtempSync(join(tmpdir(), 'dte-bench-report-'));
  try {
    const path = join(folder, 'dte-report.html');
    writeFileSync(path, html);
    const found = await measured(path);
    const { table, timeline, filtered } = found;
    say(`fold ${Math.round(foldMs)} ms, page ${Math.round(pageMs)} ms\n${describe(found)}`);
    return {
      tasks,
      bytes: Buffer.byteLength(html),
      renderMs: Math.round(foldMs + pageMs),
      firstPaintMs: Math.round(found.firstPaintMs),
      readyMs: Math.round(found.readyMs),
      scrollFps: Math.round((2 * FRAMES * 1000) / (table.result + timeline.result)),
      frameScriptMs: tenths((table.scriptMs + timeline.scriptMs) / FRAMES / 2),
      filterScriptMs: tenths(filtered.scriptMs / FILTERS.length),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
