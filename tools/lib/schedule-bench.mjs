// `schedule`: what the decisions of the scheduler cost, apart from the time that agents and messages take: runs in virtual time beside
// list scheduling.
import { floorOf, layeredGraph, LENGTHS, SEED, simulatedOrders } from './layered-graph.mjs';
import { round } from './bench-fleet.mjs';
import { seededRandom } from './seeded-random.mjs';
import { virtualRun } from './virtual-fleet.mjs';

const SHAPES = [
  [3, 1],
  [3, 2],
  [6, 2],
];
/** Of the machine on which the real runs are measured: a message there and back, and to restore and check what a task needs. */
const REAL = { tripMs: 20, prepareMs: 60 };
/** How much a length differs from what is known of it, as a factor: a standard deviation of the logarithm. */
const DEVIATION = 0.3;

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** name -> time of the floor, or a count */
function measure(tasks, seed, [agents, slots]) {
  const { floorMs } = floorOf(tasks, agents * slots);
  const { known, unit } = simulatedOrders(tasks, agents * slots);
  const { normal } = seededRandom(seed);
  const learntMs = tasks.map(({ ms }) => ms);
  const uncertain = learntMs.map((ms) => ms * Math.exp(DEVIATION * normal()));
  const run = (how) => virtualRun(tasks, { agents, slots, spare: 1, ...REAL, ...how });
  const [history, cold] = [run({ learntMs }), run({})];
  return {
    known: known / floorMs,
    history: history.spanMs / floorMs,
    recalls: history.recalls,
    uncertain: run({ learntMs: uncertain }).spanMs / floorMs,
    unprepared: run({ learntMs, spare: 0 }).spanMs / floorMs,
    unit: unit / floorMs,
    cold: cold.spanMs / floorMs,
    coldRecalls: cold.recalls,
  };
}

/** @returns lengths -> shape -> means over the graph of the goals and `runs` - 1 others */
export function scheduleBench({ runs, say }) {
  const results = {};
  for (const lengths of Object.keys(LENGTHS)) {
    results[lengths] = {};
    for (const shape of SHAPES) {
      const found = Array.from({ length: runs }, (_, index) => {
        const seed = index === 0 ? SEED : index;
        return measure(layeredGraph({ projects: 100, lengths, seed }), seed, shape);
      });
      const means = Object.fromEntries(
        Object.keys(found[0]).map((name) => [name, round(meanOf(found.map((each) => each[name])), 3)]),
      );
      results[lengths][shape.join('x')] = means;
      say(`${lengths} ${shape.join('x')}: ${JSON.stringify(means)}`);
    }
  }
  return results;
}
