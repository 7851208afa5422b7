// `overhead`: what distribution costs for trivial tasks, where that time goes, and what an agent with a core of its own pays.
import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import {
  describeLoad,
  distributed,
  expectOutputs,
  local,
  makeMachines,
  plainMachine,
  round,
} from './bench-fleet.mjs';
import { roleOf } from './cpu.mjs';
import { median } from './median.mjs';
import { attemptsOfRun, readRun } from './run-report.mjs';

export const OVERHEAD = { projects: 200, agents: 2, slots: 2 };

const ARGS = ['run-many', '-t', 'build'];
const PHASES = ['dispatch', 'restore', 'wait', 'run', 'store', 'report'];

/** The attempts that ran on agents, with the times of each phase in ms. */
function attemptsOf(run, expected) {
  const attempts = attemptsOfRun(run);
  if (attempts.length !== expected)
    throw new Error(`${attempts.length} attempts were measured instead of ${expected}.`);
  return attempts.map(({ assignedMs, acceptedMs, endMs, reportMs, measured }) => {
    const { restoreMs: restore, waitMs: wait = 0, runMs: runs, storeMs: store } = measured;
    const beganMs = endMs - runs - wait - restore;
    const phases = {
      dispatch: Math.max(0, beganMs - assignedMs),
      restore,
      wait,
      run: runs,
      store,
      report: reportMs ?? 0,
    };
    return { assignedMs, acceptedMs: acceptedMs ?? endMs + store, phases };
  });
}

/** Means per task; `lost`: the time of a slot, for each task, in which no task ran. */
function splitOf(attempts, slots) {
  const mean = (name) => attempts.reduce((sum, { phases }) => sum + phases[name], 0) / attempts.length;
  const split = Object.fromEntries(PHASES.map((name) => [name, mean(name)]));
  const spanMs =
    Math.max(...attempts.map(({ acceptedMs }) => acceptedMs)) -
    Math.min(...attempts.map(({ assignedMs }) => assignedMs));
  return { ...split, lost: (spanMs * slots) / attempts.length - split.run };
}

/** Processor time of all processes of a command, ms. */
const spentIn = (used) => Object.values(used).reduce((sum, ms) => sum + ms, 0);

const mediansOf = (splits) =>
  Object.fromEntries(
    Object.keys(splits[0]).map((name) => [name, round(median(splits.map((split) => split[name])), 1)]),
  );

/** Main job and coordinator on the first core, the agent and its tasks on the second. */
const OTHERS = '0';
const AGENT = '1';

const canPin = () => cpus().length > 1 && spawnSync('taskset', ['--version']).status === 0;

function pin(processes) {
  for (const { pid, command } of processes) {
    const core = roleOf(command) === 'coordinator' ? OTHERS : AGENT;
    const { status, stderr } = spawnSync('taskset', ['-a', '-c', '-p', core, String(pid)], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${command} cannot be given a core of its own: ${stderr}`);
  }
}

/** One agent with one slot and a core of its own: what a user's agent pays for each task besides running it. */
async function ownCore(fleet, machines, { profile, say }) {
  const { projects } = OVERHEAD;
  const ours = await distributed(fleet, machines.slice(0, 2), {
    slots: 1,
    args: ARGS,
    profile,
    fixed: true,
    cpu: true,
    ready: () => pin(fleet.runningProcesses()),
    prefix: ['taskset', '-c', OTHERS],
    after: readRun,
  });
  expectOutputs(machines[0], 'dist', projects);
  const split = splitOf(attemptsOf(ours.told, projects), 1);
  const { supervisors = 0, executors = 0, tasks = 0 } = ours.used;
  say(
    `  agent with a core of its own: ${split.lost.toFixed(1)} ms per task without the run (${split.run.toFixed(1)} ms); processor ` +
      `time per task: supervisor ${(supervisors / projects).toFixed(1)}, executor ${(executors / projects).toFixed(1)}, ` +
      `task ${(tasks / projects).toFixed(1)} ms`,
  );
  return { ...split, cpu: (supervisors + executors) / projects };
}

async function oneRun(fleet, { machines, plain, options }) {
  const { projects, agents, slots } = OVERHEAD;
  const { profile, fixed } = options;
  // It is always measured, in both; --cpu=1 prints it.
  const say = options.cpu === undefined ? undefined : options.say;
  const ours = await distributed(fleet, machines, {
    slots,
    args: ARGS,
    profile,
    cpu: true,
    fixed,
    say,
    after: readRun,
  });
  expectOutputs(machines[0], 'dist', projects);
  const theirs = await local(fleet, plain, { args: ARGS, parallel: agents * slots, cpu: true, say });
  expectOutputs(plain, 'dist', projects);
  return { ours, theirs, split: splitOf(attemptsOf(ours.told, projects), agents * slots) };
}

/** @returns medians; ms. `split`: means per task, see PHASES; on shared cores, each phase waits for the others' work. */
export async function overheadBench(fleet, { runs, ...options }) {
  const { projects, agents } = OVERHEAD;
  const { say } = options;
  const machines = makeMachines(fleet, agents);
  const plain = plainMachine(fleet, 'plain');
  const pins = canPin();
  const found = [];
  for (let run = 1; run <= runs; run++) {
    const one = await oneRun(fleet, { machines, plain, options });
    const { ours, theirs, split } = one;
    const spent = { ours: spentIn(ours.used), theirs: spentIn(theirs.used) };
    say(
      `run ${run}: distributed ${round(ours.durationMs)} ms, plain ${round(theirs.durationMs)} ms  (${ours.line})${describeLoad(ours.load)}`,
    );
    say(
      `  ratio ${(ours.durationMs / theirs.durationMs).toFixed(2)}; processor time ${spent.ours} and ${spent.theirs} ms, ratio ${(spent.ours / spent.theirs).toFixed(2)}`,
    );
    say(`  per task, ms: ${PHASES.map((name) => `${name} ${split[name].toFixed(1)}`).join(', ')}`);
    found.push({ ...one, spent, own: pins ? await ownCore(fleet, machines, options) : null });
  }
  const distributedMs = median(found.map(({ ours }) => ours.durationMs));
  const localMs = median(found.map(({ theirs }) => theirs.durationMs));
  const own = pins ? mediansOf(found.map((one) => one.own)) : null;
  return {
    ratio: round(distributedMs / localMs, 3),
    // The same of processor time, which depends less on what else the machine does.
    cpuRatio: round(median(found.map(({ spent }) => spent.ours / spent.theirs)), 3),
    distributedMs: round(distributedMs),
    localMs: round(localMs),
    // Cost of distribution per task; negative if distribution is faster.
    perTaskMs: round((distributedMs - localMs) / projects, 2),
    split: mediansOf(found.map(({ split }) => split)),
    // What an agent with a core of its own pays for each task besides the run: time of the slot, and processor time.
    agentMsPerTask: own?.lost ?? null,
    agentCpuMsPerTask: own?.cpu ?? null,
    agentSplit: own,
  };
}
