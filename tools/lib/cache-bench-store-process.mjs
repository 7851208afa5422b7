// A process with the store of a standalone coordinator, for `cache-bench-store.mjs`: one task, one answer, and its end.
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Readable } from 'node:stream';

const require = createRequire(import.meta.url);
const { DiskStore } = require('../../packages/cache/dist/disk/disk-store.js');

const AREA = { issuer: 'https://gitlab.example.com', projectId: '42', scope: 'trusted' };
const BYTES = 1_000;
/** Entries that are written at a time. */
const WRITERS = 16;
/** Tasks of a workspace: every pipeline has the same ones. */
const TASKS = 2_000;

const never = new AbortController().signal;
const open = (folder, quota = {}) =>
  DiskStore.open({
    folder,
    maxBytes: 1e12,
    projectBytes: 1e12,
    ageMs: 1e12,
    warn: (message) => console.error(message),
    ...quota,
  });

const hashOf = (index) => String(index).padStart(20, '0');

function contentOf(index) {
  const content = Buffer.alloc(BYTES);
  content.write(hashOf(index));
  return content;
}

const entryOf = (index, content) => ({
  kind: 'cache',
  hash: hashOf(index),
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
  origin: {
    pipelineId: String(4_700_000 + Math.floor(index / TASKS)),
    jobId: String(90_210_000 + (index % WRITERS) + WRITERS * Math.floor(index / TASKS)),
    commit: createHash('sha1')
      .update(String(Math.floor(index / TASKS)))
      .digest('hex'),
    ref: 'main',
    agent: `nx-agent ${(index % WRITERS) + 1}/${WRITERS}`,
    taskId: `scope-name-project-${index % TASKS}:build:production`,
    atMs: Date.now(),
  },
});

async function fill({ folder, entries }) {
  const start = performance.now();
  const store = await open(folder);
  let next = 0;
  const writer = async () => {
    while (next < entries) {
      const content = contentOf(next);
      const entry = entryOf(next, content);
      next += 1;
      await store.write(AREA, entry, () => Readable.from([content]), never);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  await store.close();
  return { fillMs: performance.now() - start, indexBytes: statSync(`${folder}/index-1`).size };
}

/** @returns {Promise<{ ms: number, cpuMs: number, pauseMs: number, result: unknown }>} */
async function watched(action) {
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const used = process.cpuUsage();
  const start = performance.now();
  const result = await action();
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(used);
  await new Promise((resolve) => setTimeout(resolve, 20));
  delay.disable();
  return { ms, cpuMs: (user + system) / 1000, pauseMs: delay.max / 1e6, result };
}

async function ask({ folder, question }) {
  const opening = await watched(() => open(folder));
  const store = opening.result;
  const names = (from) =>
    Array.from({ length: question }, (_, index) => ({ kind: 'cache', hash: hashOf(from + index) }));
  const [held, missing] = [names(1_000), names(1e9)];
  const asking = await watched(() => store.find(AREA, held, never));
  if (asking.result.length !== question)
    throw new Error(`${asking.result.length} of ${question} hashes were found.`);
  asking.result = null;
  const misses = await watched(() => store.find(AREA, missing, never));
  globalThis.gc();
  const rssMb = process.memoryUsage.rss() / 1024 / 1024;
  await store.close();
  return {
    startMs: opening.ms,
    startCpuMs: opening.cpuMs,
    openPauseMs: opening.pauseMs,
    askMs: asking.ms,
    askCpuMs: asking.cpuMs,
    askPauseMs: asking.pauseMs,
    missMs: misses.ms,
    rssMb,
  };
}

/** Opening with a lower quota evicts. */
/** Opening with a lower quota evicts. */
async function evict({ folder, keep }) {
  const opening = await watched(async () => (await open(folder)).close());
  const evicting = await watched(async () => {
    const store = await open(folder, { maxBytes: keep * BYTES });
    await store.settled();
    await store.close();
  });
  return { evictMs: evicting.ms - opening.ms, evictCpuMs: evicting.cpuMs - opening.cpuMs };
}

process.once('message', (task) => {
  const tasks = { fill, open: ask, evict };
  tasks[task.name](task).then(
    (result) => process.send(result, () => process.exit(0)),
    (error) => {
      console.error(error);
      process.exit(1);
    },
  );
});
