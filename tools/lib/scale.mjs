// `npm run bench -- scale`: one real coordinator process, many agents over real WebSockets, one run of many tasks that
// take no time. It measures only the coordinator: no Nx, no executors.
import { MainJob, specOf } from './scale-main.mjs';
import { CoordinatorProcess, Drivers } from './scale-processes.mjs';
import { loadWorkspaceFactory, withFleet } from './testing.mjs';

const JOIN_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 1_800_000;
/** If no task ends for this long, the run is stuck, not slow. */
const STALL_MS = 120_000;
const IDENTITY = { commit: null, nxVersion: '0.0.0', nodeVersion: process.version, platform: 'any' };

const since = (start) => Math.round(performance.now() - start);
const at = (sorted, part) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
const mb = (bytes) => (bytes / 1e6).toFixed(1);

/** Everything that a benchmark has started. */
class Parts {
  constructor(profile) {
    this.coordinator = new CoordinatorProcess(profile);
    this.drivers = new Drivers();
  }

  async close() {
    this.main?.close();
    await this.drivers.close();
    await this.coordinator.close();
  }
}

/** @returns the time from their start until the main job has heard of all agents */
async function joinAll(parts, { agents, artifacts, taskMs }) {
  const { waitFor } = loadWorkspaceFactory();
  const { coordinator, drivers } = parts;
  await coordinator.start();
  const options = { url: coordinator.url, sessionId: 'bench-scale', identity: IDENTITY };
  const main = (parts.main = new MainJob(options));
  await waitFor('the connection of the main job', () => main.connection.state.name === 'open');
  await drivers.load(agents);
  const start = performance.now();
  drivers.connect({ ...options, artifacts, taskMs });
  await waitFor(`${agents} agents`, () => main.agents === agents, {
    deadlineMs: JOIN_LIMIT_MS,
    lastState: () => `${main.agents} are connected\n${coordinator.process.describe()}`,
  });
  return since(start);
}

/** Throws if nothing has ended for too long. */
function watchProgress(main, lastState) {
  let [ended, atMs] = [main.ended, performance.now()];
  return () => {
    if (main.ended !== ended) [ended, atMs] = [main.ended, performance.now()];
    else if (since(atMs) > STALL_MS) throw new Error(`No task has ended for ${STALL_MS} ms: ${lastState()}`);
  };
}

/** Follows the run to its end and, if requested, kills the coordinator in the middle of it. */
async function runToEnd({ main, coordinator }, { tasks, kill, say }) {
  const { waitFor } = loadWorkspaceFactory();
  let outcome;
  void main.follow(tasks).over.then((reason) => (outcome = { reason }));
  const lastState = () => `${main.ended} of ${tasks} tasks ended\n${coordinator.process.describe()}`;
  const look = watchProgress(main, lastState);
  const wait = (what, condition) =>
    waitFor(what, () => (look(), condition()), { deadlineMs: RUN_LIMIT_MS, lastState });
  if (kill) {
    await wait('half of the run', () => main.ended >= tasks / 2);
    await coordinator.end('SIGKILL');
    const start = performance.now();
    await coordinator.start();
    say(`  killed after ${main.ended} tasks, restarted after ${since(start)} ms`);
  }
  await wait('the end of the run', () => outcome);
  if (outcome.reason !== null)
    throw new Error(`The main job gave up the run: ${outcome.reason.message}\n${lastState()}`);
  if (main.failed > 0) throw new Error(`${main.failed} tasks did not succeed.\n${lastState()}`);
}

async function measure(parts, options) {
  const { agents, tasks, say } = options;
  const { coordinator, drivers } = parts;
  const joinMs = await joinAll(parts, options);
  const { main } = parts;
  const joined = { cpuMs: coordinator.usedMs(), bytes: main.bytes };
  say(
    `  ${agents} agents connected after ${joinMs} ms; coordinator ${joined.cpuMs} ms of processor time, ` +
      `${coordinator.peakMb()} MB; ${mb(joined.bytes)} MB to the main job`,
  );

  const spec = specOf(tasks);
  const submitting = performance.now();
  await main.submit(spec);
  const submitMs = since(submitting);
  const running = performance.now();
  await runToEnd(parts, options);
  const runMs = since(running);
  const usedMs = coordinator.usedMs() - joined.cpuMs;
  const seen = await drivers.end();
  if (seen.errors.length > 0)
    throw new Error(`Agents reported errors: ${[...new Set(seen.errors)].join('; ')}`);

  const result = {
    agents,
    tasks,
    joinMs,
    submitMs,
    tasksPerSecond: Math.round((tasks * 1000) / runMs),
    medianMs: at(seen.latencies, 0.5),
    p99Ms: at(seen.latencies, 0.99),
    coordinatorCpuMs: usedMs,
    coordinatorRssMb: coordinator.peakMb(),
    lost: seen.lost,
    retried: main.retried,
  };
  say(
    `  run: submitted in ${submitMs} ms, done in ${runMs} ms, ${result.tasksPerSecond} tasks/s; result to next task: ` +
      `median ${result.medianMs} ms, p99 ${result.p99Ms} ms (${seen.latencies.length} times)`,
  );
  say(
    `  coordinator: ${usedMs} ms of processor time (${(usedMs / tasks).toFixed(2)} ms a task), at most ` +
      `${result.coordinatorRssMb} MB`,
  );
  say(
    `  sent to agents: ${seen.messages} messages, ${mb(seen.bytes)} MB, and ${mb(seen.specBytes)} MB of run specs; ` +
      `to the main job: ${mb(main.bytes - joined.bytes)} MB`,
  );
  say(`  connections of agents lost: ${seen.lost}, attempts lost: ${main.retried}`);
  return result;
}

/**
 * @param {{ agents: number, tasks: number, artifacts: boolean, taskMs: number, kill: boolean, profile?: string,
 *   say: (text: string) => void }} options
 */
export async function scale(options) {
  const parts = new Parts(options.profile);
  return withFleet(parts, () => measure(parts, options));
}
