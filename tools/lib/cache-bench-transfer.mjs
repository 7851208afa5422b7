// Part of `npm run bench -- cache`: PUT and GET of objects of several sizes, with the coordinator and with nginx.
import { spawnSync } from 'node:child_process';
import { withFleet } from './testing.mjs';
import { BareServer, CoordinatorServer, NginxServer, rssOf } from './cache-bench-servers.mjs';
import { median } from './median.mjs';

/**
 * `count` objects of each size in one sample, `atATime` of them under way at the same time, each on a connection of its own; `times` as
 * many samples of it as runs. Short samples that alternate often: other work on the machine then meets both servers. One at a time is
 * what one agent meets, and how long a server takes to answer; eight are what several agents meet.
 */
const SIZES = [
  { label: '1 kB', bytes: 1_000, count: 400, atATime: 1, times: 5 },
  { label: '1 kB', bytes: 1_000, count: 400, atATime: 8, times: 5 },
  { label: '1 MB', bytes: 1_000_000, count: 40, atATime: 1, times: 3 },
  { label: '1 MB', bytes: 1_000_000, count: 40, atATime: 8, times: 3 },
  { label: '100 MB', bytes: 100_000_000, count: 2, atATime: 1, times: 1 },
  { label: '100 MB', bytes: 100_000_000, count: 8, atATime: 8, times: 1 },
  { label: '2 GB', bytes: 2_000_000_000, count: 1, atATime: 1, times: 1 },
];

/**
 * Before the samples that count, each server is asked the same way until its processor time per object no longer falls: the median of
 * the latest of these samples is at least this share of that of as many before. A server that has just started would measure how fast
 * its code is optimised, and a coordinator runs for days.
 */
const WARM = { samples: 4, share: 0.95, atMost: 32, atMostBytes: 4_000_000_000 };

/** Samples that write at least this much begin when the disk is at rest: what one server has left to write, the next one would pay for. */
const MUCH_BYTES = 100_000_000;

class Servers {
  /** Numbers the objects: no server sees one twice. */
  next = 0;

  constructor(profile, bare) {
    this.all = [new CoordinatorServer(profile), new NginxServer(), ...(bare ? [new BareServer()] : [])];
  }

  async start() {
    for (const server of this.all) await server.start();
  }

  async close() {
    for (const server of this.all) await server.close();
  }

  /** @returns what PUT and GET of the same objects took */
  async sample(server, { bytes, count, atATime }) {
    const { client } = server;
    const settle = () => bytes * count >= MUCH_BYTES && spawnSync('sync');
    const paths = Array.from({ length: count }, () => server.pathOf((this.next += 1)));
    settle();
    const put = await timed(server, () => each(paths, atATime, (path) => client.put(path, bytes)));
    settle();
    const get = await timed(server, () => each(paths, atATime, (path) => client.get(path, bytes)));
    server.clear();
    return { put, get };
  }
}

/** @param {number} atATime as many of the actions are under way */
async function each(paths, atATime, action) {
  let next = 0;
  const worker = async () => {
    while (next < paths.length) await action(paths[next++]);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}

/** @returns milliseconds, those of processor time of the server (other work on the machine changes them less), and what it read from the disk */
async function timed(server, action) {
  const [used, read] = [server.usedMs(), server.readFromDisk()];
  const start = performance.now();
  await action();
  const ms = performance.now() - start;
  return { ms, cpuMs: server.usedMs() - used, diskBytes: server.readFromDisk() - read };
}

/** @returns {Promise<Record<string, { put: object[], get: object[] }>>} by server; the same index was measured one after the other */
async function samplesOf(servers, size, runs) {
  const samples = Object.fromEntries(servers.all.map(({ name }) => [name, { put: [], get: [] }]));
  for (const server of servers.all) await warmUp(servers, server, size);
  for (let run = 0; run < runs * size.times; run++) {
    for (const server of run % 2 === 0 ? servers.all : [...servers.all].reverse()) {
      const { put, get } = await servers.sample(server, size);
      samples[server.name].put.push(put);
      samples[server.name].get.push(get);
    }
  }
  return samples;
}

async function warmUp(servers, server, size) {
  const used = [];
  const medianOf = (from, to) => median(used.slice(from, to));
  const bytes = size.bytes * size.count;
  do {
    const { put, get } = await servers.sample(server, size);
    used.push(put.cpuMs + get.cpuMs);
    if (used.length >= WARM.atMost || used.length * bytes >= WARM.atMostBytes) return;
  } while (
    used.length < 2 * WARM.samples ||
    medianOf(-WARM.samples) < WARM.share * medianOf(-2 * WARM.samples, -WARM.samples)
  );
}

async function measureSize(servers, size, { runs, say }) {
  const samples = await samplesOf(servers, size, runs);
  const label = `${size.label}, ${size.atATime} at a time`;
  const result = { label };
  for (const what of ['put', 'get']) {
    const theirs = samples.nginx[what];
    for (const { name } of servers.all) {
      const ours = samples[name][what];
      const ratios = ours.map(({ ms }, index) => theirs[index].ms / ms);
      if (name === 'coordinator') result[what] = median(ratios);
      say(`  ${what.toUpperCase()} ${label}, ${name}: ${describe(size, ours)}${beside(name, ratios)}`);
    }
  }
  return result;
}

/** The ratio of neighbours: what slows the machine down for a while does not change it. */
const beside = (name, ratios) =>
  name === 'nginx'
    ? ''
    : `; of nginx's throughput ${median(ratios).toFixed(2)}, in half of the pairs ${quartiles(ratios)}`;

function quartiles(values) {
  const sorted = [...values].sort((left, right) => left - right);
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))].toFixed(2);
  return `${at(0.25)} to ${at(0.75)}`;
}

function describe({ bytes, count }, samples) {
  const sum = (name) => samples.reduce((total, sample) => total + sample[name], 0);
  const ms = median(samples.map((sample) => sample.ms));
  const objects = samples.length * count;
  const disk = sum('diskBytes');
  return (
    (bytes < 1e6
      ? `${((count / ms) * 1e3).toFixed(0)}/s, processor time ${((sum('cpuMs') / objects) * 1e3).toFixed(0)} ms per 1000 requests`
      : `${((bytes * count) / ms / 1e3).toFixed(0)} MB/s, processor time ${(sum('cpuMs') / ((objects * bytes) / 1e9)).toFixed(0)} ms per GB`) +
    ` (${samples.length} x ${count})` +
    (disk > 0 ? `, ${(disk / 1e6).toFixed(1)} MB read from the disk` : '')
  );
}

/**
 * @param {{ runs: number, sizes?: string, bare: boolean, profile?: string, say: (text: string) => void }} options `sizes`: such as
 *   `1kB,2GB`; `bare`: a bare server of Node as well
 * @returns {Promise<{ sizes: { label: string, put: number, get: number }[], rssMb: number }>}
 */
export async function transferBench({ runs, sizes: wanted, bare, profile, say }) {
  const servers = new Servers(profile, bare);
  return withFleet(servers, async () => {
    await servers.start();
    const sizes = [];
    const [coordinator] = servers.all;
    for (const size of SIZES) {
      if (wanted !== undefined && !wanted.split(',').includes(size.label.replace(' ', ''))) continue;
      sizes.push(await measureSize(servers, size, { runs, say }));
      say(
        `  the coordinator has ${rssOf(coordinator.process.process.pid).toFixed(0)} MB, at most ${coordinator.peakMb()} MB`,
      );
    }
    return { sizes, rssMb: coordinator.peakMb() };
  });
}
