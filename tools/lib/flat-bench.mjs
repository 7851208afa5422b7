// `makespan --dag=flat`: projects with build -> test and lint, compared with the floor.
import { distributed, makeMachines, round } from './bench-fleet.mjs';
import { NAP_TARGETS } from './bench-workspaces.mjs';
import { median } from './median.mjs';

export const FLAT = { projects: 120, seed: 2 };

/** @returns {Promise<Record<string, number>>} '3x1' -> median of the ratios */
export async function flatBench(fleet, { shapes, runs, profile, cpu, fixed, say }) {
  const machines = makeMachines(fleet, Math.max(...shapes.map(([agents]) => agents)));
  const ratios = {};
  for (const [agents, slots] of shapes) {
    const found = [];
    for (let run = 1; run <= runs; run++) {
      const used = machines.slice(0, agents + 1);
      await distributed(fleet, used, {
        slots,
        args: ['run-many', '-t', NAP_TARGETS.join(',')],
        profile,
        cpu,
        fixed,
        say,
      });
      const result = measure(readNaps(machines[0]), agents * slots);
      found.push(result.ratio);
      say(`${agents}x${slots}: ${describeMakespan(result)}`);
    }
    ratios[`${agents}x${slots}`] = round(median(found), 3);
  }
  return ratios;
}

/** What the tasks themselves recorded, from the outputs restored on the main job. */
function readNaps(main) {
  const naps = {};
  for (let index = 1; index <= FLAT.projects; index++) {
    const name = `p${String(index).padStart(3, '0')}`;
    naps[name] = Object.fromEntries(
      NAP_TARGETS.map((target) => [target, JSON.parse(main.read(`libs/${name}/naps/${target}.json`))]),
    );
  }
  return naps;
}

function measure(naps, slots) {
  const all = Object.values(naps).flatMap((targets) => Object.values(targets));
  const lengthOf = ({ begin, end }) => end - begin;
  const firstBegin = Math.min(...all.map(({ begin }) => begin));
  const lastEnd = Math.max(...all.map(({ end }) => end));
  const work = all.reduce((sum, nap) => sum + lengthOf(nap), 0);
  const criticalPath = Math.max(
    ...Object.values(naps).map(
      ({ build, test, lint }) => lengthOf(build) + Math.max(lengthOf(test), lengthOf(lint)),
    ),
  );
  const bound = Math.max(criticalPath, work / slots);
  const spanMs = lastEnd - firstBegin;
  // From the last moment at which fewer tasks than slots run: what a better order could save.
  const begins = all.map(({ begin }) => begin).sort((left, right) => left - right);
  return {
    ratio: spanMs / bound,
    spanMs,
    bound,
    criticalPath,
    work,
    slots,
    tailMs: lastEnd - begins.at(-1),
    tasks: all.length,
  };
}

const describeMakespan = ({ ratio, spanMs, bound, criticalPath, work, slots, tailMs, tasks }) => {
  // Slot time that no task used, over all tasks except the tail: the cost of reassigning a slot.
  const gapMs = (spanMs * slots - work) / tasks;
  return (
    `${ratio.toFixed(3)}  span ${round(spanMs)} ms, bound ${round(bound)} ms (critical path ${round(criticalPath)}, ` +
    `work ${round(work)} on ${slots} slots), unused ${gapMs.toFixed(1)} ms of a slot per task, last start ${round(tailMs)} ms before the end`
  );
};
