// `makespan --dag=layered`: a graph of `^build` naps, distributed cold and with history, beside plain Nx and hand sharding.
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeLoad, distributed, local, makeMachines, plainMachine, round } from './bench-fleet.mjs';
import { floorOf, simulatedOrders } from './layered-graph.mjs';
import { median } from './median.mjs';
import { startResultServer } from './result-server.mjs';
import { describeGaps, gapsOf, readTrace } from './slot-gaps.mjs';

const ARGS = ['run-many', '-t', 'build'];
const napsOf = (machine) =>
  machine
    .filesBelow('naps')
    .filter((file) => file.endsWith('.json'))
    .map((file) => JSON.parse(machine.read(join('naps', file))));

const napOf = (machine, name) => JSON.parse(machine.read(join('naps', name, 'build.json')));

/** From the first start to the last end of all naps on these machines. */
function spanOf(machines, expected) {
  const naps = machines.flatMap(napsOf);
  if (naps.length < expected)
    throw new Error(`${naps.length} naps were written down instead of ${expected}.`);
  return Math.max(...naps.map(({ end }) => end)) - Math.min(...naps.map(({ begin }) => begin));
}

/** All ways to run one graph on one shape of a fleet. @returns name -> () => { spanMs, load } */
function waysOf(fleet, { tasks, machines, plain, shards, agents, slots, options }) {
  const books = join(fleet.folder, 'books');
  const ours = async (book) => {
    const used = machines.slice(0, agents + 1);
    const { profile, cpu, fixed, say } = options;
    const env = { DTE_HISTORY_DIR: book };
    const trace = options.trace === '1' ? mkdtempSync(join(fleet.folder, 'trace-')) : undefined;
    const given = { slots, args: ARGS, profile, trace, cpu, fixed, env, say };
    const { load } = await distributed(fleet, used, given);
    if (trace !== undefined) for (const line of describeGaps(gaps(used[0], trace))) say(`    ${line}`);
    return { load, spanMs: spanOf([used[0]], tasks.length) };
  };
  const gaps = (machine, folder) => {
    const naps = new Map(tasks.map(({ name }) => [`${name}:build`, napOf(machine, name)]));
    const dependencies = new Map(tasks.map((task) => [`${task.name}:build`, task.dependencies]));
    const dependenciesOf = (task) => dependencies.get(task).map((name) => `${name}:build`);
    return gapsOf({ naps, dependenciesOf, trace: readTrace(folder), slots });
  };
  const plainWith = async (parallel) => {
    const { load } = await local(fleet, plain, { args: ARGS, parallel });
    return { load, spanMs: spanOf([plain], tasks.length) };
  };
  /** Each job runs the projects whose index is its own, and builds what those need. */
  const sharded = async (env) => {
    const jobs = shards.slice(0, agents).map((machine, job) => {
      const own = tasks.filter((_, index) => index % agents === job).map(({ name }) => name);
      return local(fleet, machine, { args: [...ARGS, '-p', own.join(',')], parallel: slots, env });
    });
    const [{ load }] = await Promise.all(jobs);
    return { load, spanMs: spanOf(shards.slice(0, agents), tasks.length) };
  };
  return {
    /** With no durations, and they are written to a book. */
    cold: async () => {
      rmSync(books, { recursive: true, force: true });
      mkdirSync(books);
      return ours(join(books, 'learnt'));
    },
    /** With the durations of the cold run before. */
    history: async () => {
      cpSync(join(books, 'learnt'), join(books, 'read'), { recursive: true });
      return ours(join(books, 'read'));
    },
    plain: () => plainWith(agents * slots),
    plainOneAgent: () => plainWith(slots),
    sharded: () => sharded({}),
    shardedWithCache: async () => {
      const server = await startResultServer();
      try {
        const ran = await sharded(server.env);
        // With one job, there is nobody to share with.
        if (agents > 1 && server.hits() === 0) throw new Error('No job has found the result of another one.');
        options.say(`  ${server.hits()} results of other jobs were found`);
        return ran;
      } finally {
        await server.close();
      }
    },
  };
}

/** Alternating in each run; of the others, one run is enough: their distance from the floor is not a matter of percents. */
const ALTERNATING = ['cold', 'history', 'plain'];
const ONCE = ['plainOneAgent', 'sharded', 'shardedWithCache'];

/**
 * @param {{ tasks: object[], shapes: [number, number][], runs: number, references: boolean, options: object }} bench
 * @returns {Promise<object>} '3x1' -> { floor (s), plain, history, cold, ... } (times of the floor)
 */
export async function layeredBench(fleet, { tasks, shapes, runs, references, options }) {
  const { say } = options;
  const most = Math.max(...shapes.map(([agents]) => agents));
  const machines = makeMachines(fleet, most);
  const plain = plainMachine(fleet, 'plain');
  const shards = Array.from({ length: references ? most : 0 }, (_, index) =>
    plainMachine(fleet, `shard-${index + 1}`),
  );
  const results = {};
  for (const [agents, slots] of shapes) {
    const { floorMs, workMs, criticalPathMs } = floorOf(tasks, agents * slots);
    const shape = `${agents}x${slots}`;
    say(
      `${shape}: ${tasks.length} tasks, work ${seconds(workMs)}, critical path ${seconds(criticalPathMs)}, floor ${seconds(floorMs)}`,
    );
    const ways = waysOf(fleet, { tasks, machines, plain, shards, agents, slots, options });
    const found = {};
    for (let run = 1; run <= runs; run++) {
      const names = [...ALTERNATING, ...(references && run === 1 ? ONCE : [])];
      for (const name of names) {
        const { spanMs, load } = await ways[name]();
        (found[name] ??= []).push(spanMs / floorMs);
        say(`  run ${run}, ${name}: ${(spanMs / floorMs).toFixed(3)}${describeLoad(load)}`);
      }
    }
    const simulated = Object.entries(simulatedOrders(tasks, agents * slots)).map(([name, ms]) => [
      `simulated${name[0].toUpperCase()}${name.slice(1)}`,
      round(ms / floorMs, 3),
    ]);
    const medians = Object.fromEntries(
      Object.entries(found).map(([name, ratios]) => [name, round(median(ratios), 3)]),
    );
    results[shape] = {
      floor: round(floorMs / 1000, 2),
      ...medians,
      historyOfPlain: round(medians.history / medians.plain, 3),
      coldOfPlain: round(medians.cold / medians.plain, 3),
      ...Object.fromEntries(simulated),
    };
    say(`${shape}: ${JSON.stringify(results[shape])}`);
  }
  return results;
}

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
