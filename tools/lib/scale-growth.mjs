// `npm run bench -- scale --growth=1`: how the coordinator's processor time grows with the number of tasks and of agents.
import { scale } from './scale.mjs';

/** One of the two grows by tens, the other stays. */
const TASKS = { sizes: [1_000, 10_000, 100_000], agents: 100 };
const AGENTS = { sizes: [10, 100, 1_000], tasks: 10_000 };

/**
 * The exponent b of y = a x^b: the slope of the line through the logarithms, by least squares.
 * @param {readonly (readonly [number, number])[]} points
 */
export function fittedExponent(points) {
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)]);
  const mean = (of) => logs.reduce((sum, pair) => sum + pair[of], 0) / logs.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const over = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return over / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

const rounded = (value) => Number(value.toFixed(3));

async function grow(name, sizes, measured) {
  const points = [];
  for (const size of sizes) points.push([size, await measured(size)]);
  const cpu = points.map(([size, { coordinatorCpuMs }]) => [size, coordinatorCpuMs]);
  return {
    [`${name}Exponent`]: rounded(fittedExponent(cpu)),
    // The same fit of n log n, for comparison: an exponent no higher grows no faster.
    ...(name === 'tasks' && {
      nLogNExponent: rounded(fittedExponent(sizes.map((n) => [n, n * Math.log(n)]))),
    }),
    [name]: Object.fromEntries(
      points.map(([size, { coordinatorCpuMs: cpuMs, coordinatorRssMb: rssMb, tasksPerSecond, p99Ms }]) => [
        size,
        { cpuMs, rssMb, tasksPerSecond, p99Ms },
      ]),
    ),
  };
}

/** @param {Parameters<typeof scale>[0]} options without its numbers of tasks and agents */
export async function growth(options) {
  const { say } = options;
  const at = (agents, tasks) => {
    say(`growth: ${agents} agents, ${tasks} tasks`);
    return scale({ ...options, agents, tasks });
  };
  const found = {
    ...(await grow('tasks', TASKS.sizes, (tasks) => at(TASKS.agents, tasks))),
    ...(await grow('agents', AGENTS.sizes, (agents) => at(agents, AGENTS.tasks))),
  };
  say(
    `growth: processor time ~ tasks^${found.tasksExponent} (n log n: ${found.nLogNExponent}), ~ agents^${found.agentsExponent}`,
  );
  return found;
}
