// Projects in layers, each built after some of the layer before, and what any order of them can reach at best. Pure.
import { seededRandom } from './seeded-random.mjs';

/** Of 100 projects: four layers of 25. */
const layersOf = (projects) => Math.max(3, Math.round(Math.sqrt(projects) / 2.5));
const MOST_DEPENDENCIES = 3;

const between = (least, most, value) => Math.min(most, Math.max(least, value));

/** Seconds; all three have a mean of about 1.5. */
export const LENGTHS = {
  uniform: ({ uniform }) => 0.5 + 2 * uniform(),
  // Median 1.15 s; one in twenty takes longer than 3.8 s.
  lognormal: ({ normal }) => between(0.1, 10, 1.15 * Math.exp(0.73 * normal())),
  // Three in four are lint or type checks of half a second, the others tests of four and a half.
  humped: ({ uniform, normal }) =>
    uniform() < 0.75 ? between(0.2, 1, 0.5 + 0.1 * normal()) : between(2, 8, 4.5 + 0.8 * normal()),
};

/**
 * For 100 projects of uniform length: the seed, of the first 400,000, whose graph has the work and the critical path that the goals
 * were set with, and comes nearest to what list scheduling reached there on 3, 6 and 12 slots.
 */
export const SEED = 230_654;

const nameOf = (index) => `p${String(index + 1).padStart(3, '0')}`;

/**
 * @typedef {{ name: string, dependencies: string[], ms: number }} Task
 * @param {{ projects: number, lengths: keyof typeof LENGTHS, seed?: number }} options
 * @returns {Task[]} dependencies before dependents
 */
export function layeredGraph({ projects, lengths, seed = SEED }) {
  const random = seededRandom(seed);
  const width = Math.ceil(projects / layersOf(projects));
  return Array.from({ length: projects }, (_, index) => {
    const layer = Math.floor(index / width);
    const wanted = layer === 0 ? 0 : 1 + Math.floor(random.uniform() * MOST_DEPENDENCIES);
    const before = new Set();
    while (before.size < wanted) before.add((layer - 1) * width + Math.floor(random.uniform() * width));
    const ms = Math.round(LENGTHS[lengths](random) * 1000);
    return { name: nameOf(index), dependencies: [...before].sort((a, b) => a - b).map(nameOf), ms };
  });
}

/** For each task, the longest way from its beginning to the end of the graph. */
function ranksOf(tasks, lengthOf) {
  const ranks = new Map();
  for (const task of [...tasks].reverse()) {
    const rank = (ranks.get(task.name) ?? 0) + lengthOf(task);
    ranks.set(task.name, rank);
    for (const name of task.dependencies) ranks.set(name, Math.max(ranks.get(name) ?? 0, rank));
  }
  return ranks;
}

/** No order can be faster than this: the critical path, or the work on all slots. */
export function floorOf(tasks, slots) {
  const workMs = tasks.reduce((sum, { ms }) => sum + ms, 0);
  const criticalPathMs = Math.max(...ranksOf(tasks, ({ ms }) => ms).values());
  return { workMs, criticalPathMs, floorMs: Math.max(criticalPathMs, workMs / slots) };
}

/**
 * What a list scheduler reaches that loses no time between two tasks: of those that are ready, the one with the lowest
 * priority value comes first.
 * @returns ms from the first start to the last end
 */
export function listSchedule(tasks, slots, priorityOf) {
  const open = new Map(tasks.map(({ name, dependencies }) => [name, dependencies.length]));
  const dependants = new Map(tasks.map(({ name }) => [name, []]));
  for (const task of tasks) for (const name of task.dependencies) dependants.get(name).push(task);
  const priorities = new Map(tasks.map((task, index) => [task.name, priorityOf(task, index)]));
  // When a task became ready breaks ties, and is all that counts for FIFO.
  const ready = tasks.filter(({ dependencies }) => dependencies.length === 0);
  const running = [];
  let nowMs = 0;
  while (ready.length > 0 || running.length > 0) {
    while (ready.length > 0 && running.length < slots) {
      const best = ready.reduce((a, b) => (priorities.get(b.name) < priorities.get(a.name) ? b : a));
      ready.splice(ready.indexOf(best), 1);
      running.push({ task: best, endMs: nowMs + best.ms });
    }
    running.sort((a, b) => a.endMs - b.endMs);
    const { task, endMs } = running.shift();
    nowMs = endMs;
    for (const next of dependants.get(task.name)) {
      open.set(next.name, open.get(next.name) - 1);
      if (open.get(next.name) === 0) ready.push(next);
    }
  }
  return nowMs;
}

/** How often a random order is drawn for its mean. */
const DRAWS = 200;

/** The orders that nobody has to run: simulated, with known lengths and no time between two tasks. Ms. */
export function simulatedOrders(tasks, slots) {
  const known = ranksOf(tasks, ({ ms }) => ms);
  const unit = ranksOf(tasks, () => 1);
  const { uniform } = seededRandom(SEED);
  const draws = Array.from({ length: DRAWS }, () => listSchedule(tasks, slots, () => uniform()));
  return {
    known: listSchedule(tasks, slots, ({ name }) => -known.get(name)),
    unit: listSchedule(tasks, slots, ({ name }) => -unit.get(name)),
    fifo: listSchedule(tasks, slots, () => 0),
    random: draws.reduce((sum, ms) => sum + ms, 0) / DRAWS,
  };
}
