// `shapes`: workloads that others have published, as naps at a twentieth of their length.
import { describeLoad, distributed, makeMachines, round } from './bench-fleet.mjs';
import { nap, napWorkspace } from './bench-workspaces.mjs';
import { median } from './median.mjs';
import { seededRandom } from './seeded-random.mjs';

/** Naps are this much shorter than what was published. */
const FASTER = 20;
const SEED = 7;

/** Seconds, as published. Of type checks, lint, build and validate only the number is known: these are what such tasks often take. */
const SPEC_S = 12.3;
const E2E_S = 27;
const ASSUMED_S = { typecheck: 4, lint: 3, build: 30, validate: 10 };
const A = {
  projects: 511,
  typecheck: 510,
  lint: 510,
  test: 507,
  specs: 1111,
  e2e: 100,
  build: 3,
  validate: 1,
};
/** Shards of equal length; which, is not published. */
const B = { tasks: 1067, seconds: 60 };

const nameOf = (index) => `p${String(index + 1).padStart(4, '0')}`;

/** How many spec files each project with tests has: at least one, the others at random. */
function specsOfProjects() {
  const { uniform } = seededRandom(SEED);
  const counts = Array.from({ length: A.test }, () => 1);
  for (let left = A.specs - A.test; left > 0; left--) counts[Math.floor(uniform() * A.test)] += 1;
  return counts;
}

/** @returns {{ project: string, target: string, ms: number, alone: boolean }[]} */
function publishedA() {
  const specs = specsOfProjects();
  const of = (target, count, secondsOf) =>
    Array.from({ length: count }, (_, index) => ({
      project: nameOf(index),
      target,
      ms: Math.round((secondsOf(index) * 1000) / FASTER),
      alone: target === 'e2e',
    }));
  return [
    ...of('typecheck', A.typecheck, () => ASSUMED_S.typecheck),
    ...of('lint', A.lint, () => ASSUMED_S.lint),
    ...of('test', A.test, (index) => specs[index] * SPEC_S),
    ...of('e2e', A.e2e, () => E2E_S),
    ...of('build', A.build, () => ASSUMED_S.build),
    // The last project has no other task.
    {
      project: nameOf(A.projects - 1),
      target: 'validate',
      ms: (ASSUMED_S.validate * 1000) / FASTER,
      alone: false,
    },
  ];
}

const publishedB = () =>
  Array.from({ length: B.tasks }, (_, index) => ({
    project: nameOf(index),
    target: 'shard',
    ms: (B.seconds * 1000) / FASTER,
    alone: false,
  }));

/**
 * No order is faster: tasks that run alone take all slots of their agent, and are whole.
 * @returns ms; `aloneMs`: what only the tasks that run alone need
 */
export function shapeFloor(tasks, agents, slots) {
  const sum = (list) => list.reduce((total, { ms }) => total + ms, 0);
  const alone = tasks.filter((task) => task.alone);
  const others = tasks.filter((task) => !task.alone);
  const longest = Math.max(...tasks.map(({ ms }) => ms));
  const isEqual = others.every(({ ms }) => ms === others[0].ms);
  const area = sum(alone) / agents + sum(others) / (agents * slots);
  const rounds = isEqual && alone.length === 0 ? Math.ceil(others.length / (agents * slots)) * longest : 0;
  return { floorMs: Math.max(longest, area, rounds), aloneMs: sum(alone) / agents };
}

export const SHAPES = {
  a: { tasks: publishedA, agents: 6, slots: 4, published: '14m00s', publishedFloor: '7m30s' },
  b: { tasks: publishedB, agents: 30, slots: 2, published: null, publishedFloor: null },
};

const filesOf = (tasks) => {
  const projects = groupBy(tasks);
  return Object.fromEntries(
    [...projects].map(([name, own]) => [
      `libs/${name}/project.json`,
      {
        name,
        targets: Object.fromEntries(
          own.map(({ target, ms, alone }) => [
            target,
            { command: nap(name, target, ms), ...(alone ? { parallelism: false } : {}) },
          ]),
        ),
      },
    ]),
  );
};

/** Node 20 has no Map.groupBy. */
function groupBy(tasks) {
  const groups = new Map();
  for (const task of tasks) groups.set(task.project, [...(groups.get(task.project) ?? []), task]);
  return groups;
}

const targetsOf = (tasks) => [...new Set(tasks.map(({ target }) => target))];

/** The workspace of one shape. */
export function shapeFiles(name) {
  const tasks = SHAPES[name].tasks();
  return napWorkspace(targetsOf(tasks), filesOf(tasks));
}

const minutes = (ms) => {
  const seconds = Math.round((ms * FASTER) / 1000);
  return `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`;
};

/** What the naps wrote down, one file for each. */
function readNaps(main, expected) {
  const naps = main
    .filesBelow('naps')
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ file, ...JSON.parse(main.read(`naps/${file}`)) }));
  if (naps.length !== expected)
    throw new Error(`${naps.length} naps were written down instead of ${expected}.`);
  return naps;
}

/** @returns medians; `scaled`: the time that the published lengths would have taken */
export async function shapeBench(fleet, name, { runs, agents: wanted, slots: wantedSlots, ...options }) {
  const { tasks: make, published, publishedFloor, ...usual } = SHAPES[name];
  const [agents, slots] = [wanted ?? usual.agents, wantedSlots ?? usual.slots];
  const { say, profile, cpu, fixed } = options;
  const tasks = make();
  const { floorMs, aloneMs } = shapeFloor(tasks, agents, slots);
  say(
    `${name}: ${tasks.length} tasks on ${agents} x ${slots}, floor ${minutes(floorMs)}` +
      (aloneMs > 0 ? `, of which tasks that run alone ${minutes(aloneMs)}` : '') +
      ` (at a twentieth: ${(floorMs / 1000).toFixed(1)} s)` +
      (published ? `; published: ${published}, and a floor of about ${publishedFloor}` : ''),
  );
  const machines = makeMachines(fleet, agents);
  const spans = [];
  for (let run = 1; run <= runs; run++) {
    const { load } = await distributed(fleet, machines, {
      slots,
      args: ['run-many', '-t', targetsOf(tasks).join(',')],
      profile,
      cpu,
      fixed,
      say,
    });
    const naps = readNaps(machines[0], tasks.length);
    const spanMs = Math.max(...naps.map(({ end }) => end)) - Math.min(...naps.map(({ begin }) => begin));
    spans.push(spanMs);
    say(`  run ${run}: ${(spanMs / floorMs).toFixed(3)}, ${minutes(spanMs)} scaled${describeLoad(load)}`);
  }
  const spanMs = median(spans);
  return {
    agents,
    slots,
    tasks: tasks.length,
    floor: round(floorMs / 1000, 2),
    ratio: round(spanMs / floorMs, 3),
    scaled: minutes(spanMs),
    scaledFloor: minutes(floorMs),
    ...(published ? { scaledAlone: minutes(aloneMs), published, publishedFloor } : {}),
  };
}
