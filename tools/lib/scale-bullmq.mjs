// `npm run bench -- scale --beside=bullmq`: the same number of jobs, of the same length and at the same rate, through BullMQ on
// Redis with as many workers. A queue does less: no dependencies, no locality, no place for results. Redis is Debian's
// (`apt-get install -y redis-server`), with its append-only file as in Debian's advice for data that must survive a crash
// (written every second; our journal is handed to the kernel at every decision). BullMQ is no dependency of this
// repository: it is installed in the versions below into a folder that is removed afterwards.
import { execFileSync, fork, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { cleanEnvironment } from './clean-environment.mjs';
import { cpuOf } from './cpu.mjs';
import { memoryOf } from './scale-processes.mjs';
import { wallMs } from './scale-pace.mjs';
import { loadWorkspaceFactory, withFleet } from './testing.mjs';

const BULLMQ = '6.7.0';
const IOREDIS = '5.11.1';
const QUEUE = 'scale';
const WORKERS_PER_PROCESS = 250;
/** Jobs of one `addBulk`: one script call each, sent together. */
const ADDED_AT_ONCE = 1_000;
/** The counts of a queue are asked this often. */
const LOOK_MS = 20;
const PACE_LEAD_MS = 1_000;
const RUN_LIMIT_MS = 1_800_000;

/** @returns the version of redis-server */
function requireRedis() {
  const asked = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  if (asked.error) throw new Error('redis-server is required: apt-get install -y redis-server');
  return /v=([\d.]+)/.exec(asked.stdout)?.[1] ?? 'unknown';
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** BullMQ in a folder of its own; installed once for all runs. */
export class BullMq {
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-bullmq-'));

  constructor(say) {
    this.redisVersion = requireRedis();
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true }');
    say(`  installing bullmq ${BULLMQ} and ioredis ${IOREDIS} into a temporary folder`);
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts'];
    execFileSync('npm', [...args, `bullmq@${BULLMQ}`, `ioredis@${IOREDIS}`], {
      cwd: this.folder,
      stdio: 'ignore',
    });
  }

  get versions() {
    return { bullmq: BULLMQ, redis: this.redisVersion };
  }

  /** What `createRequire` needs. */
  get place() {
    return join(this.folder, 'package.json');
  }

  close() {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Redis, the workers and the queue of one run. */
class Parts {
  children = [];
  folder = mkdtempSync(join(tmpdir(), 'dte-bench-redis-'));

  constructor(bullMq) {
    this.bullMq = bullMq;
  }

  async start({ agents, ...options }) {
    const { RunningProcess } = loadWorkspaceFactory();
    this.port = await freePort();
    const args = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--dir',
      this.folder,
      '--save',
      '',
      '--appendonly',
      'yes',
    ];
    const env = cleanEnvironment(process.env);
    this.redis = new RunningProcess({ name: 'redis', command: 'redis-server', args, cwd: this.folder, env });
    await this.redis.waitForOutput('Ready to accept connections');
    const { Queue } = createRequire(this.bullMq.place)('bullmq');
    this.queue = new Queue(QUEUE, { connection: { host: '127.0.0.1', port: this.port } });
    for (let first = 0; first < agents; first += WORKERS_PER_PROCESS) {
      const count = Math.min(WORKERS_PER_PROCESS, agents - first);
      const child = fork(new URL('./scale-bullmq-workers.mjs', import.meta.url), {
        env: { ...env, DTE_BENCH_BULLMQ: this.bullMq.place },
      });
      this.children.push({ child, first, count });
      await once(child, 'message');
    }
    await this.ask('connect', ({ count }) => ({ count, queue: QUEUE, port: this.port, ...options }));
  }

  usedMs() {
    return cpuOf(this.redis.pid).own;
  }

  /** @returns the answer of each process of workers */
  ask(type, optionsOf = () => ({})) {
    return Promise.all(
      this.children.map(async (each) => {
        const gone = once(each.child, 'exit').then(([code]) => {
          throw new Error(`A process of the workers exited with code ${code}.`);
        });
        gone.catch(() => undefined);
        const answered = once(each.child, 'message');
        each.child.send({ type, ...optionsOf(each) });
        return (await Promise.race([answered, gone]))[0];
      }),
    );
  }

  async close() {
    await this.queue?.close().catch(() => undefined);
    for (const { child } of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    if (this.redis?.running) {
      this.redis.signalTree('SIGKILL');
      await this.redis.end();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Jobs are removed when they have ended, so what is left is what has not. */
const left = (queue) => queue.getJobCountByTypes('waiting', 'active', 'paused', 'delayed', 'prioritized');

async function keepPace(parts, { agents, tasks, rate, seconds }) {
  const { waitFor } = loadWorkspaceFactory();
  const begun = async () => (await parts.ask('begun')).reduce((total, each) => total + each.begun, 0);
  await waitFor('the first job of every worker', async () => (await begun()) === agents);
  const startMs = Math.ceil(wallMs()) + PACE_LEAD_MS;
  await parts.ask('pace', ({ first }) => ({ first, startMs, endMs: startMs + seconds * 1000, rate, agents }));
  await delay(startMs - wallMs());
  const [cpuMs, before] = [parts.usedMs(), await left(parts.queue)];
  await delay(startMs + seconds * 1000 - wallMs());
  return {
    endedPerSecond: Math.round((before - (await left(parts.queue))) / seconds),
    cpuPercent: Math.round((parts.usedMs() - cpuMs) / (seconds * 10)),
    tasks,
  };
}

async function measure(parts, options) {
  const { tasks, rate, say } = options;
  const { waitFor } = loadWorkspaceFactory();
  await parts.start({ agents: options.agents, taskMs: options.taskMs, paced: rate > 0 });
  const startedMs = parts.usedMs();
  const start = performance.now();
  for (let from = 0; from < tasks; from += ADDED_AT_ONCE) {
    const length = Math.min(ADDED_AT_ONCE, tasks - from);
    await parts.queue.addBulk(
      Array.from({ length }, (_, index) => ({
        name: 'task',
        data: { index: from + index },
        opts: { removeOnComplete: true },
      })),
    );
  }
  const submitMs = Math.round(performance.now() - start);
  const paced = rate > 0 ? await keepPace(parts, options) : undefined;
  let rssMb = 0;
  const isOver = async () => {
    rssMb = Math.max(rssMb, memoryOf(parts.redis.pid, 'VmHWM'));
    await delay(LOOK_MS);
    return (await left(parts.queue)) === 0;
  };
  await waitFor('the end of all jobs', isOver, {
    deadlineMs: RUN_LIMIT_MS,
    lastState: () => parts.redis.describe(),
  });
  const runMs = performance.now() - start;
  const cpuMs = parts.usedMs() - startedMs;
  const seen = await parts.ask('end');
  const sorted = (name) => seen.flatMap((each) => each[name]).sort((one, other) => one - other);
  const [waits, latencies] = [sorted('waits'), sorted('latencies')];
  const result = {
    submitMs,
    // Its workers take jobs while others are still added, so both count.
    tasksPerSecond: Math.round((tasks * 1000) / runMs),
    medianMs: Math.round(at(latencies, 0.5)),
    p99Ms: Math.round(at(latencies, 0.99)),
    redisCpuMs: cpuMs,
    redisRssMb: rssMb,
    ...(paced && { ...paced, waitP50Ms: tenths(at(waits, 0.5)), waitP99Ms: tenths(at(waits, 0.99)) }),
  };
  say(`  bullmq: ${JSON.stringify(result)}`);
  return result;
}

const at = (sorted, part) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
const tenths = (ms) => Math.round(ms * 10) / 10;

/** @param {{ agents: number, tasks: number, taskMs: number, rate: number, seconds: number, say: (text: string) => void }} options */
export async function besideBullMq(bullMq, options) {
  return withFleet(new Parts(bullMq), (parts) => measure(parts, options));
}
