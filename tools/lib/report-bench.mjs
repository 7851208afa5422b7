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

/** In the page: scrolls the table and the timeline from top to bottom, a step for each frame. Returns frames for each second. */
async function scrollFps() {
  const scrollers = [document.querySelector('.grid'), document.querySelector('.timeline .scroller')];
  const frames = 90;
  const nextFrame = () => new Promise((done) => requestAnimationFrame(done));
  let [total, ms] = [0, 0];
  for (const scroller of scrollers) {
    scroller.scrollIntoView({ block: 'center' });
    await nextFrame();
    const startedAt = performance.now();
    for (let frame = 1; frame <= frames; frame++) {
      scroller.scrollTop = ((scroller.scrollHeight - scroller.clientHeight) * frame) / frames;
      await nextFrame();
    }
    [total, ms] = [total + frames, ms + performance.now() - startedAt];
  }
  return (total / ms) * 1000;
}

/** In the page: from a key in the filter to the frame that shows its result. */
async function filterMs() {
  const field = document.getElementById('filter');
  const times = [];
  for (const text of ['c', 'ca', 'cat', 'cat lint', '']) {
    const startedAt = performance.now();
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    times.push(performance.now() - startedAt);
  }
  return Math.max(...times);
}

async function measured(path) {
  const browser = await loadWorkspaceFactory().launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(pathToFileURL(path).href);
    await page.waitForSelector('html[data-ready]');
    const readyMs = await page.evaluate(() => performance.now());
    const firstPaintMs = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0].startTime,
    );
    return {
      firstPaintMs,
      readyMs,
      scrollFps: await page.evaluate(scrollFps),
      filterMs: await page.evaluate(filterMs),
    };
  } finally {
    await browser.close();
  }
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
    say(
      `fold ${Math.round(foldMs)} ms, page ${Math.round(pageMs)} ms, ready after ${Math.round(found.readyMs)} ms, filter ${Math.round(found.filterMs)} ms`,
    );
    return {
      tasks,
      bytes: Buffer.byteLength(html),
      renderMs: Math.round(foldMs + pageMs),
      firstPaintMs: Math.round(found.firstPaintMs),
      scrollFps: Math.round(found.scrollFps),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
