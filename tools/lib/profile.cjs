// Preloaded into every process of a benchmark with --profile: writes a CPU profile when the process exits, a heap profile (by whom what
// is still alive was allocated), and the highest sizes of its memory.
const { Session } = require('node:inspector');
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

/** Bytes between two samples of the heap: one in a few hundred objects. */
const HEAP_SAMPLE_BYTES = 64 * 1024;
const MEMORY_EVERY_MS = 250;

const folder = process.env.DTE_BENCH_PROFILE;
if (folder) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_SAMPLE_BYTES });
  const highest = {};
  const look = () => {
    for (const [name, bytes] of Object.entries(process.memoryUsage()))
      highest[name] = Math.max(highest[name] ?? 0, bytes);
  };
  setInterval(look, MEMORY_EVERY_MS).unref();
  // Executors are stopped by a signal.
  process.once('SIGTERM', () => process.exit(143));
  const write = (kind, content) =>
    writeFileSync(join(folder, `${process.pid}.${kind}`), JSON.stringify(content));
  process.on('exit', () => {
    look();
    session.post('HeapProfiler.stopSampling', (error, result) => {
      if (!error) write('heapprofile', result.profile);
    });
    session.post('Profiler.stop', (error, result) => {
      if (!error) write('cpuprofile', result.profile);
    });
    write('memory.json', highest);
  });
}
