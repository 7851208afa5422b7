// Part of `npm run bench -- cache`: PUT and GET of objects of several sizes, with the coordinator and with nginx.
import { withFleet } from './testing.mjs';
import { CoordinatorServer, NginxServer, rssOf } from './cache-bench-servers.mjs';
import { median } from './median.mjs';

/** `count` objects of each size in one sample, one after the other. The largest one has fewer runs, for its time. */
const SIZES = [
  { label: '1 kB', bytes: 1_000, count: 1_000 },
  { label: '1 MB', bytes: 1_000_000, count: 40 },
  { label: '100 MB', bytes: 100_000_000, count: 2 },
  { label: '2 GB', bytes: 2_000_000_000, count: 1, mostRuns: 3 },
];

class Pair {
  servers;
  /** Numbers the objects: no server sees one twice. */
  next = 0;

  constructor(profile) {
    this.servers = [new CoordinatorServer(profile), new NginxServer()];
  }

  async start() {
    for (const server of this.servers) await server.start();
  }

  async close() {
    for (const server of this.servers) await server.close();
  }

  /** @returns what PUT and GET of the same objects took */
  async sample(server, { bytes, count }) {
    const { client } = server;
    const paths = Array.from({ length: count }, () => server.pathOf((this.next += 1)));
    const put = await timed(server, async () => {
      for (const path of paths) await client.put(path, bytes);
    });
    const get = await timed(server, async () => {
      for (const path of paths) await client.get(path, bytes);
    });
    return { put, get };
  }
}

/** @returns milliseconds, and those of processor time of the server: other work on the machine does not change them */
async function timed(server, action) {
  const used = server.usedMs();
  const start = performance.now();
  await action();
  return { ms: performance.now() - start, cpuMs: server.usedMs() - used };
}

async function measureSize(pair, size, { runs, say }) {
  const times = { coordinator: { put: [], get: [] }, nginx: { put: [], get: [] } };
  const used = Math.min(runs, size.mostRuns ?? runs);
  for (let run = 0; run <= used; run++) {
    const order = run % 2 === 0 ? pair.servers : [...pair.servers].reverse();
    for (const server of order) {
      const { put, get } = await pair.sample(server, size);
      server.clear();
      // The first one warms up.
      if (run === 0) continue;
      times[server.name].put.push(put);
      times[server.name].get.push(get);
    }
  }
  const result = { label: size.label };
  for (const what of ['put', 'get']) {
    const of = (server, name) => median(times[server][what].map((sample) => sample[name]));
    const [ours, theirs] = [of('coordinator', 'ms'), of('nginx', 'ms')];
    result[what] = theirs / ours;
    say(
      `  ${what.toUpperCase()} ${size.label}: coordinator ${rate(size, ours)}, nginx ${rate(size, theirs)}, ratio ` +
        `${result[what].toFixed(2)}; medians of ${used}: ${list(times.coordinator[what])} against ${list(times.nginx[what])} ms; ` +
        `processor time of the server ${of('coordinator', 'cpuMs')} against ${of('nginx', 'cpuMs')} ms`,
    );
  }
  return result;
}

const rate = ({ bytes, count }, ms) =>
  bytes < 1e6 ? `${((count / ms) * 1e3).toFixed(0)}/s` : `${((bytes * count) / ms / 1e3).toFixed(0)} MB/s`;
const list = (values) => values.map(({ ms }) => ms.toFixed(0)).join(' ');

/** @returns {Promise<{ sizes: { label: string, put: number, get: number }[], rssMb: number }>} */
export async function transferBench({ runs, only, profile, say }) {
  const pair = new Pair(profile);
  return withFleet(pair, async () => {
    await pair.start();
    const sizes = [];
    const [coordinator] = pair.servers;
    for (const size of SIZES) {
      if (only !== undefined && !only.split(',').includes(size.label.replace(' ', ''))) continue;
      sizes.push(await measureSize(pair, size, { runs, say }));
      say(
        `  the coordinator has ${rssOf(coordinator.process.process.pid).toFixed(0)} MB, at most ${coordinator.peakMb()} MB`,
      );
    }
    return { sizes, rssMb: coordinator.peakMb() };
  });
}
