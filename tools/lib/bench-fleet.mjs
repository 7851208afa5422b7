// One command, distributed or plain, on machines of a fleet: what the benchmarks of Nx commands are made of.
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describeCpu, watchCpu, watchLoad } from './cpu.mjs';
import { idle } from './idle.mjs';
import { loadWorkspaceFactory } from './testing.mjs';

/** What the tasks write, on every machine. */
const OUTPUTS = ['dist', 'naps'];
/** A command of a benchmark takes some minutes at most, on a loaded machine. */
const COMMAND_MS = 900_000;
/** Thirty agents that start at once on two cores. */
const START_MS = 300_000;

/** Numbers the sessions, so that no run finds leftovers of an earlier one. */
let sessions = 0;

/**
 * @typedef {object} Distributed how a command is distributed
 * @property {number} slots of each agent
 * @property {string[]} args of nx, without `--parallel`
 * @property {string} [profile] folder for profiles
 * @property {string} [trace] folder for what agents do between two tasks, without a profile
 * @property {unknown} [cpu] prints the processor time of each kind of process
 * @property {unknown} [fixed] the agents get their slots when they start
 * @property {Record<string, string>} [env] for all jobs
 * @property {() => void} [ready] called when everybody is at rest, before the command
 * @property {string[]} [prefix] a command (taskset) in front of nx
 * @property {(pipeline: object) => Promise<unknown>} [after] with the session still open
 * @property {(say: string) => void} [say]
 */

/**
 * One cold distributed command: fresh session, empty caches; the agents are connected and at rest before it starts.
 * @param {Distributed} options
 * @returns {Promise<{ durationMs: number, line: string, load: number, used: object | undefined, told: unknown }>} of the nx
 *   command alone; `load`: share of the machine's processor time; `used`: processor time by role; `told`: what `after` has returned
 */
export async function distributed(fleet, machines, options) {
  const {
    slots,
    args,
    profile,
    trace,
    cpu,
    fixed,
    env = {},
    after = () => undefined,
    ready,
    prefix,
    say,
  } = options;
  const { Pipeline } = loadWorkspaceFactory();
  const [main, ...agents] = machines;
  for (const machine of machines) machine.setAside(OUTPUTS);
  sessions += 1;
  const session = { DTE_SESSION_ID: `bench-${sessions}`, ...profiling(profile), ...tracing(trace), ...env };
  const pipeline = new Pipeline(fleet, main, session);
  await pipeline.startCiRun();
  for (const machine of agents) {
    pipeline.startAgent(machine.name, { args: fixed ? [`--slots=${slots}`] : [] }, machine);
  }
  await agentsConnected(pipeline, agents.length);
  await idle(() => fleet.runningProcesses().map(({ pid }) => pid), { profiled: profile !== undefined });
  ready?.();
  const watch = cpu ? watchCpu(() => fleet.runningProcesses()) : undefined;
  const busy = watchLoad();
  const exit = await nx(main, [...args, `--parallel=${slots}`], { prefix, env: session });
  const load = busy.stop();
  const used = watch?.stop();
  if (used) say?.(`  processor time, distributed, ms: ${describeCpu(used)}`);
  if (exit.code !== 0) throw new Error(`The command failed.\n${exit.output}\n${pipeline.describe()}`);
  const line = exit.output
    .split('\n')
    .filter((text) => text.includes('dte:'))
    .at(-1);
  if (!line) throw new Error(`The command was not distributed.\n${exit.output}\n${pipeline.describe()}`);
  const told = await after(pipeline);
  await pipeline.complete();
  return { durationMs: exit.durationMs, line: line.trim(), used, load, told };
}

/** Nx's command, if need be behind another one. */
function nx(machine, args, { prefix, env }) {
  const [command, ...before] = [...(prefix ?? []), machine.path('node_modules/.bin/nx')];
  return machine.run(command, [...before, ...args], { env, deadlineMs: COMMAND_MS });
}

export const profiling = (folder) => {
  if (folder === undefined) return {};
  mkdirSync(resolve(folder), { recursive: true });
  return {
    NODE_OPTIONS: `--require=${resolve(import.meta.dirname, 'profile.cjs')}`,
    DTE_BENCH_PROFILE: resolve(folder),
  };
};

const tracing = (folder) =>
  folder === undefined
    ? {}
    : {
        NODE_OPTIONS: `--require=${resolve(import.meta.dirname, 'slot-trace.cjs')}`,
        DTE_BENCH_TRACE: folder,
      };

async function agentsConnected(pipeline, count) {
  const { waitFor } = loadWorkspaceFactory();
  await waitFor(
    `${count} agents`,
    async () => {
      const { code, stdout } = await pipeline.dte(['status', '--json'], { name: 'status' });
      return code === 0 && JSON.parse(stdout).agents.filter(({ connected }) => connected).length === count;
    },
    { lastState: () => pipeline.describe(), deadlineMs: START_MS },
  );
}

/** The same command without @org/dte: no rendezvous, so Nx's own runner does everything. */
export async function local(fleet, machine, { args, parallel, cpu, env, prefix, say }) {
  machine.setAside(OUTPUTS);
  await idle(() => []);
  const watch = cpu ? watchCpu(() => fleet.runningProcesses()) : undefined;
  const busy = watchLoad();
  const exit = await nx(machine, [...args, `--parallel=${parallel}`], { prefix, env });
  const load = busy.stop();
  const used = watch?.stop();
  if (used) say?.(`  processor time, plain, ms: ${describeCpu(used)}`);
  if (exit.code !== 0) throw new Error(`The plain command failed.\n${exit.output}`);
  return { durationMs: exit.durationMs, used, load };
}

/** A machine without a CI session. */
export const plainMachine = (fleet, name) => fleet.machine(name, { ci: false, env: { CI: 'true' } });

export const makeMachines = (fleet, agents) => [
  fleet.machine('main'),
  ...Array.from({ length: agents }, (_, index) => fleet.machine(`agent-${index + 1}`)),
];

export function expectOutputs(machine, folder, count) {
  const found = machine.filesBelow(folder).length;
  if (found !== count) throw new Error(`${machine.name} has ${found} output files instead of ${count}.`);
}

export const round = (value, digits = 0) => Number(value.toFixed(digits));

/** Above this, processes wait for the cores, and the time between two tasks is the machine's. */
const LOADED = 0.75;

/** The start and the end of a command are in it, which are busier than what is between them. */
export const describeLoad = (share) =>
  `  (processors ${Math.round(share * 100)} % busy${share > LOADED ? ': TOO BUSY, measure again' : ''})`;
