// `npm run bench -- scale`: one real coordinator process, many agents over real WebSockets, one run of many tasks that
// take no time. It measures only the coordinator: no Nx, no executors.
import { setTimeout as delay } from 'node:timers/promises';
import { MainJob, specOf } from './scale-main.mjs';
import { wallMs } from './scale-pace.mjs';
import { CoordinatorProcess, Drivers } from './scale-processes.mjs';
import { loadWorkspaceFactory, withFleet } from './testing.mjs';

const JOIN_LIMIT_MS = 120_000;
const RUN_LIMIT_MS = 1_800_000;
/** If no task ends for this long, the run is stuck, not slow. */
const STALL_MS = 120_000;
/** So that every process knows the pace before it begins. */
const PACE_LEAD_MS = 1_000;
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
async function joinAll(parts, { agents, artifacts, taskMs, rate }) {
  const { waitFor } = loadWorkspaceFactory();
  const { coordinator, drivers } = parts;
  await coordinator.start();
  const options = { url: coordinator.url, sessionId: 'bench-scale', identity: IDENTITY };
  const main = (parts.main = new MainJob(options));
  await waitFor('the connection of the main job', () => main.connection.state.name === 'open');
  await drivers.load(agents);
  const start = performance.now();
  drivers.connect({ ...options, artifacts, taskMs, paced: rate > 0 });
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

/** Kills the coordinator. @returns how long nothing went on, each from the kill, in ms */
async function killAndReturn({ main, coordinator }, { agents, say }) {
  const { waitFor } = loadWorkspaceFactory();
  const start = performance.now();
  await coordinator.end('SIGKILL');
  main.agents = 0;
  await coordinator.start();
  const found = { killedAt: main.ended, listensMs: since(start) };
  const lastState = () => coordinator.process.describe();
  await waitFor('a task that ends after the restart', () => main.ended > found.killedAt, { lastState });
  found.backMs = since(start);
  await waitFor('the return of all agents', () => main.agents === agents || main.isOver, { lastState });
  found.agentsBackMs = since(start);
  say(
    `  killed after ${found.killedAt} tasks; from then on, it listened after ${found.listensMs} ms, the next task had ` +
      `ended after ${found.backMs} ms, and all agents were there after ${found.agentsBackMs} ms`,
  );
  return found;
}

/** Follows the run to its end and, if requested, kills the coordinator in the middle of it. @returns what `kill` has found */
async function runToEnd(parts, options) {
  const { main, coordinator } = parts;
  const { tasks, kill } = options;
  const { waitFor } = loadWorkspaceFactory();
  let outcome;
  void main.follow(tasks).over.then((reason) => {
    outcome = { reason };
    main.isOver = true;
  });
  const lastState = () => `${main.ended} of ${tasks} tasks ended\n${coordinator.process.describe()}`;
  const look = watchProgress(main, lastState);
  const wait = (what, condition) =>
    waitFor(what, () => (look(), condition()), { deadlineMs: RUN_LIMIT_MS, lastState });
  let killed;
  if (kill) {
    await wait('half of the run', () => main.ended >= tasks / 2);
    killed = await killAndReturn(parts, options);
  }
  await wait('the end of the run', () => outcome);
  if (outcome.reason !== null)
    throw new Error(`The main job gave up the run: ${outcome.reason.message}\n${lastState()}`);
  if (main.failed > 0) throw new Error(`${main.failed} tasks did not succeed.\n${lastState()}`);
  return killed;
}

/** Lets tasks end at a fixed rate for a while. @returns what the coordinator took meanwhile */
async function keepPace({ main, coordinator, drivers }, { agents, rate, seconds }) {
  await drivers.begun();
  const startMs = Math.ceil(wallMs()) + PACE_LEAD_MS;
  drivers.pace({ startMs, endMs: startMs + seconds * 1000, rate, agents });
  await delay(startMs - wallMs());
  const [cpuMs, ended] = [coordinator.usedMs(), main.ended];
  await delay(startMs + seconds * 1000 - wallMs());
  return {
    endedPerSecond: Math.round((main.ended - ended) / seconds),
    cpuPercent: Math.round((coordinator.usedMs() - cpuMs) / (seconds * 10)),
    rssMb: coordinator.rssNowMb(),
  };
}

/** Submits the run and sees it through. @returns what it took, in ms, and what `kill` or `rate` has found */
async function run(parts, options) {
  const { main } = parts;
  const spec = specOf(options.tasks);
  const [submitting, submittedAtMs] = [performance.now(), wallMs()];
  await main.submit(spec);
  const submitMs = since(submitting);
  const running = performance.now();
  const pacing = options.rate > 0 ? keepPace(parts, options) : undefined;
  // Only the first failure is told.
  pacing?.catch(() => undefined);
  const killed = await runToEnd(parts, options);
  return { submitMs, submittedAtMs, runMs: since(running), killed, paced: await pacing };
}

async function measure(parts, options) {
  const { agents, tasks, say } = options;
  const { coordinator, drivers } = parts;
  const joinMs = await joinAll(parts, options);
  const { main } = parts;
  const joined = { cpuMs: coordinator.usedMs(), agentsCpuMs: drivers.usedMs(), bytes: main.bytes };
  say(
    `  ${agents} agents connected after ${joinMs} ms; coordinator ${joined.cpuMs} ms of processor time, ` +
      `${coordinator.peakMb()} MB; ${mb(joined.bytes)} MB to the main job`,
  );
  const { submitMs, submittedAtMs, runMs, killed, paced } = await run(parts, options);
  const usedMs = coordinator.usedMs() - joined.cpuMs;
  const agentsCpuMs = drivers.usedMs() - joined.agentsCpuMs;
  const seen = await drivers.end();
  if (seen.errors.length > 0)
    throw new Error(`Agents reported errors: ${[...new Set(seen.errors)].join('; ')}`);
  const result = {
    agents,
    tasks,
    joinMs,
    submitMs,
    ...firstTasks(seen, submittedAtMs),
    tasksPerSecond: Math.round((tasks * 1000) / runMs),
    medianMs: at(seen.latencies, 0.5),
    p99Ms: at(seen.latencies, 0.99),
    coordinatorCpuMs: usedMs,
    agentsCpuMs,
    coordinatorRssMb: coordinator.peakMb(),
    lost: seen.lost,
    retried: main.retried,
    specMb: Math.round(seen.specBytes / 1e6),
    ...killed,
    ...(paced && {
      rate: options.rate,
      ...paced,
      ...waitsOf(seen, submittedAtMs),
    }),
  };
  describeRun(result, { runMs, seen, bytesToMain: main.bytes - joined.bytes, say });
  return result;
}

/** @returns how long after the submission agents began their first tasks: they had to get the spec of the run as well, all at the same time */
function firstTasks({ begins }, submittedAtMs) {
  const [firstP50Ms, firstLastMs] = [0.5, 1].map((part) => Math.round(at(begins, part) - submittedAtMs));
  return { firstP50Ms, firstLastMs };
}

/**
 * Of an open loop: `waitP50Ms` and `waitP99Ms` are those of slots that became free while the tasks were paced, which begins when every
 * agent has begun a task. `allP99Ms` also has the first task of each agent, for which it waited from the submission on.
 */
function waitsOf({ waits, begins }, submittedAtMs) {
  const all = [...waits, ...begins.map((atMs) => atMs - submittedAtMs)].sort((left, right) => left - right);
  return { waitP50Ms: at(waits, 0.5), waitP99Ms: at(waits, 0.99), allP99Ms: Math.round(at(all, 0.99)) };
}

function describeRun(result, { runMs, seen, bytesToMain, say }) {
  const { tasks, coordinatorCpuMs } = result;
  if (result.rate)
    say(
      `  ${result.endedPerSecond} of ${result.rate} tasks a second ended: from a free slot to its next task ${result.waitP50Ms} ms at ` +
        `the median, ${result.waitP99Ms} ms p99 (${seen.waits.length} times), with the first tasks ${result.allP99Ms} ms p99; coordinator ${result.cpuPercent} % of a core, ${result.rssMb} MB`,
    );
  say(
    `  first tasks of agents began ${result.firstP50Ms} ms after the submission at the median, the last one after ${result.firstLastMs} ms`,
  );
  say(
    `  run: submitted in ${result.submitMs} ms, done in ${runMs} ms, ${result.tasksPerSecond} tasks/s; result to next task: ` +
      `median ${result.medianMs} ms, p99 ${result.p99Ms} ms (${seen.latencies.length} times)`,
  );
  say(
    `  coordinator: ${coordinatorCpuMs} ms of processor time (${(coordinatorCpuMs / tasks).toFixed(2)} ms a task), at most ` +
      `${result.coordinatorRssMb} MB; all agents: ${result.agentsCpuMs} ms`,
  );
  say(
    `  sent to agents: ${seen.messages} messages, ${mb(seen.bytes)} MB, and ${mb(seen.specBytes)} MB of run specs; ` +
      `to the main job: ${mb(bytesToMain)} MB`,
  );
  say(`  connections of agents lost: ${seen.lost}, attempts lost: ${result.retried}`);
}

/**
 * @param {{ agents: number, tasks: number, artifacts: boolean, taskMs: number, kill: boolean, rate: number,
 *   seconds: number, profile?: string, say: (text: string) => void }} options rate: 0 is as fast as it goes
 */
export async function scale(options) {
  const parts = new Parts(options.profile);
  return withFleet(parts, () => measure(parts, options));
}
