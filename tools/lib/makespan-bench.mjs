// `makespan` and `shapes`: their flags, and a workspace for each graph.
import { nappingWorkspace, layeredWorkspace } from './bench-workspaces.mjs';
import { FLAT, flatBench } from './flat-bench.mjs';
import { layeredBench } from './layered-bench.mjs';
import { layeredGraph, LENGTHS } from './layered-graph.mjs';
import { SHAPES, shapeBench, shapeFiles } from './shapes-bench.mjs';

const FLAT_SHAPES = '3x1,3x2,6x2';
const LAYERED_SHAPES = '3x1,3x2,6x2,12x2';

/** '3x1,6x2' -> [[3, 1], [6, 2]] */
const shapesOf = (text) =>
  text.split(',').map((shape) => {
    const [, agents, slots] = /^([1-9]\d{0,2})x([1-9]\d?)$/.exec(shape) ?? [];
    if (agents === undefined) throw new Error(`--only=${shape} is no shape: agents x slots, such as 3x2.`);
    return [Number(agents), Number(slots)];
  });

function listOf(text, flag, isKnown) {
  const values = text.split(',');
  const unknown = values.find((value) => !isKnown(value));
  if (unknown === undefined) return values;
  throw new Error(`--${flag} does not know ${unknown}; see the first lines of tools/bench.mjs.`);
}

/** The graph that the goals were set with is called `layered`; others have size and lengths in their name. */
const nameOf = (projects, lengths) =>
  projects === '100' && lengths === 'uniform' ? 'layered' : `layered-${projects}-${lengths}`;

/**
 * @param {(files: object, action: (fleet: object) => Promise<unknown>) => Promise<unknown>} inFleet
 * @param options all flags; `runs`: undefined is the default
 */
export async function makespan(inFleet, options) {
  const {
    dag = 'flat',
    only,
    sizes = '100',
    lengths = 'uniform',
    references = '1',
    command = 'node',
  } = options;
  if (dag === 'flat') {
    const shapes = shapesOf(only ?? FLAT_SHAPES);
    const files = nappingWorkspace(FLAT.projects, FLAT.seed);
    return inFleet(files, (fleet) => flatBench(fleet, { ...options, shapes, runs: options.runs ?? 1 }));
  }
  if (dag !== 'layered') throw new Error(`--dag=${dag} is neither flat nor layered.`);
  const results = {};
  const bench = {
    shapes: shapesOf(only ?? LAYERED_SHAPES),
    runs: options.runs ?? 5,
    references: references !== '0',
    options,
  };
  for (const projects of listOf(sizes, 'sizes', (size) => /^[1-9]\d{0,3}$/.test(size))) {
    for (const each of listOf(lengths, 'lengths', (name) => name in LENGTHS)) {
      const tasks = layeredGraph({ projects: Number(projects), lengths: each });
      options.say(`layered: ${projects} projects, ${each} lengths, ${command} naps`);
      const run = (fleet) => layeredBench(fleet, { tasks, ...bench });
      results[nameOf(projects, each)] = await inFleet(layeredWorkspace(tasks, command), run);
    }
  }
  return results;
}

/** @param inFleet as above */
export async function shapes(inFleet, options) {
  const results = {};
  for (const name of listOf(options.only ?? 'a,b', 'only', (shape) => shape in SHAPES)) {
    const { agents, slots, runs = 5 } = options;
    const whole = (value) => (value === undefined ? undefined : Number(value));
    const bench = { ...options, runs, agents: whole(agents), slots: whole(slots) };
    results[name] = await inFleet(shapeFiles(name), (fleet) => shapeBench(fleet, name, bench));
  }
  return results;
}
