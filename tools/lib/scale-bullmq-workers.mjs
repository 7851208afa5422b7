// One process of workers of `npm run bench -- scale --beside=bullmq`: each is a BullMQ worker of its own with one job at a time, as
// an agent with one slot. Forked by scale-bullmq.mjs; the folder of its node_modules is in the environment.
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import { PacedSlot } from './scale-pace.mjs';

const { Worker } = createRequire(process.env.DTE_BENCH_BULLMQ)('bullmq');

const seen = { waits: [], latencies: [] };
let begun = 0;
let workers = [];
let slots = [];

function slotOf({ queue, port, taskMs, paced }) {
  const slot = paced ? new PacedSlot((waitedMs) => seen.waits.push(waitedMs)) : undefined;
  let endedMs;
  const process = async () => {
    if (endedMs === undefined) begun++;
    else seen.latencies.push(performance.now() - endedMs);
    slot?.began();
    if (taskMs > 0) await delay(taskMs);
    await slot?.toEnd();
    endedMs = performance.now();
  };
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  // A worker takes its next job with the call that reports the last one, as our agents do.
  workers.push(new Worker(queue, process, { connection, concurrency: 1, removeOnComplete: { count: 0 } }));
  return slot;
}

const answers = {
  connect: async ({ count, ...options }) => {
    slots = Array.from({ length: count }, () => slotOf(options));
    await Promise.all(workers.map((worker) => worker.waitUntilReady()));
    return {};
  },
  begun: () => ({ begun }),
  pace: ({ first, ...schedule }) => {
    slots.forEach((slot, index) => slot.follow({ ...schedule, index: first + index }));
    return {};
  },
  end: async () => {
    await Promise.all(workers.map((worker) => worker.close(true)));
    return seen;
  },
};
process.on('message', async ({ type, ...rest }) => {
  const answer = await answers[type](rest);
  process.send({ type, ...answer }, () => type === 'end' && process.exit());
});
process.on('disconnect', () => process.exit());
process.send({ type: 'loaded' });
