// `restores`: when the outputs of a run are on the main job's disk. Small ones must not wait for big ones.
import { distributed, makeMachines, round } from './bench-fleet.mjs';
import { nxJson } from './bench-workspaces.mjs';
import { median } from './median.mjs';
import { attemptsOfRun, readRun } from './run-report.mjs';

const MB = 1_000_000;
const AGENTS = 2;
const SLOTS = 2;

/** Big ones are as many as there are slots at least, so that all of them may arrive at a time. */
export const RESTORES = { small: 100, smallMb: 1, big: 2, bigMb: 200 };

const isBig = (id) => id.startsWith('big');
const write = (name, mb, seconds) =>
  `sleep ${seconds} && mkdir -p dist/${name} && head -c ${mb * MB} /dev/urandom > dist/${name}/out.bin`;

/** Independent projects; the big ones come first, since their names do. */
export function restoresFiles({ small, smallMb, big, bigMb }) {
  const projects = [
    ...Array.from({ length: big }, (_, index) => [`big${index}`, bigMb, 0]),
    ...Array.from({ length: small }, (_, index) => [`small${index}`, smallMb, 0.3]),
  ];
  return {
    'nx.json': nxJson({ build: { cache: true, outputs: ['{workspaceRoot}/dist/{projectName}'] } }),
    ...Object.fromEntries(
      projects.map(([name, mb, seconds]) => [
        `libs/${name}/project.json`,
        { name, targets: { build: { command: write(name, mb, seconds) } } },
      ]),
    ),
  };
}

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;

/** From the moment at which the coordinator had a task's result until its outputs were here. Ms. */
function waitsOf(run) {
  const waits = attemptsOfRun(run).map(({ task, acceptedMs }) => ({ task, ms: task.doneMs - acceptedMs }));
  const of = (isWanted) => waits.filter(({ task }) => isWanted(task.id)).map(({ ms }) => ms);
  const smallOnes = attemptsOfRun(run).filter(({ task }) => !isBig(task.id));
  const lastMs = (timeOf) => Math.max(...smallOnes.map(timeOf));
  const smallTailMs = lastMs(({ task }) => task.doneMs) - lastMs(({ acceptedMs }) => acceptedMs);
  return { small: of((id) => !isBig(id)), big: of(isBig), smallTailMs };
}

/**
 * @returns medians, ms. `tailMs`: from the last result to the last output; `smallTailMs`: the same of small ones only;
 *   `smallMs`, `smallMaxMs`, `bigMs`: from a task's result to its outputs
 */
export async function restoresBench(fleet, { runs, sizes, profile, cpu, say }) {
  const machines = makeMachines(fleet, AGENTS);
  const found = [];
  for (let run = 1; run <= runs; run++) {
    const { told } = await distributed(fleet, machines, {
      slots: SLOTS,
      args: ['run-many', '-t', 'build'],
      profile,
      cpu,
      say,
      fixed: true,
      after: readRun,
    });
    expectSizes(machines[0], sizes);
    const { small, big, smallTailMs } = waitsOf(told);
    const lastMs = Math.max(...attemptsOfRun(told).map(({ acceptedMs }) => acceptedMs));
    const one = {
      tailMs: Math.max(...told.tasks.map(({ doneMs }) => doneMs)) - lastMs,
      smallTailMs,
      smallMs: median(small),
      smallMaxMs: Math.max(...small),
      bigMs: median(big),
    };
    found.push(one);
    say(
      `run ${run}: outputs complete ${seconds(one.tailMs)} after the last result (small ones: ${seconds(one.smallTailMs)}); small ones after ${seconds(one.smallMs)} ` +
        `(at most ${seconds(one.smallMaxMs)}), big ones after ${seconds(one.bigMs)}`,
    );
  }
  return Object.fromEntries(
    Object.keys(found[0]).map((name) => [name, round(median(found.map((one) => one[name])))]),
  );
}

function expectSizes(machine, { small, big }) {
  const files = machine.filesBelow('dist').length;
  if (files !== small + big)
    throw new Error(`${files} outputs are on the main job instead of ${small + big}.`);
}
