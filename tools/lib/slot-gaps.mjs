// Where the time between two tasks of a slot goes: from the trace of a run (`slot-trace.cjs`) and the naps that its tasks have written.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * @typedef {{ begin: number, end: number }} Nap ms since the epoch
 * @typedef {{ atMs: number, role: 'executor' | 'supervisor', what: string, task: string, machine: string }} Traced
 */

/** @returns {Traced[]} in the order of time */
export function readTrace(folder) {
  const files = readdirSync(folder).filter((file) => file.endsWith('.jsonl'));
  const lines = files.flatMap((file) => readFileSync(join(folder, file), 'utf8').split('\n'));
  return lines
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .sort((a, b) => a.atMs - b.atMs);
}

/** When each thing first happened with each task, on the agent that ran it. */
function momentsOf(trace) {
  const machines = new Map();
  for (const { role, what, task, machine } of trace)
    if (role === 'executor' && what === 'spawn') machines.set(task, machine);
  const moments = new Map();
  for (const { role, what, task, machine, atMs } of trace) {
    if (machines.get(task) !== machine) continue;
    const of = moments.get(task) ?? { machine };
    const name = `${role} ${what}`;
    // What was prepared may have been taken back and given to the same agent again: the last one has run.
    if (!(name in of) || /^(supervisor sent run|supervisor got prepared)$/.test(name)) of[name] = atMs;
    moments.set(task, of);
  }
  return moments;
}

/** Pairs each nap with the one that had its slot before: the earliest on the same machine whose slot is not taken yet. */
function pairsOf(naps, moments, slots) {
  const machines = new Map();
  for (const task of [...naps.keys()].sort((a, b) => naps.get(a).begin - naps.get(b).begin)) {
    const { machine } = moments.get(task);
    const ended = machines.get(machine) ?? Array(slots).fill(undefined);
    const endOf = (slot) => (ended[slot] === undefined ? -Infinity : naps.get(ended[slot]).end);
    const slot = [...ended.keys()].sort((a, b) => endOf(a) - endOf(b))[0];
    machines.set(machine, ended);
    moments.get(task).before = ended[slot];
    ended[slot] = task;
  }
}

/** The steps from the end of one nap to the begin of the next, in ms; what has happened before the step before it takes no time. */
function stepsOf(startMs, moments) {
  const steps = {};
  let sinceMs = startMs;
  for (const [name, atMs] of moments) {
    if (atMs === undefined) continue;
    steps[name] = Math.max(0, atMs - sinceMs);
    sinceMs = Math.max(sinceMs, atMs);
  }
  return steps;
}

/**
 * @param {{ naps: Map<string, Nap>, dependenciesOf: (task: string) => string[], trace: Traced[], slots: number }} run
 * @returns one for each nap that had a nap before it in its slot
 */
export function gapsOf({ naps, dependenciesOf, trace, slots }) {
  const moments = momentsOf(trace);
  pairsOf(naps, moments, slots);
  return [...naps.keys()].flatMap((task) => {
    const own = moments.get(task);
    if (own.before === undefined) return [];
    const before = moments.get(own.before);
    const endMs = naps.get(own.before).end;
    const readyMs = Math.max(0, ...dependenciesOf(task).map((each) => naps.get(each).end));
    const freedMs = before['supervisor got freed'] ?? before['supervisor got result'];
    const isReady = readyMs <= endMs;
    const preparedMs = own['supervisor got prepared'] ?? Infinity;
    const kind =
      preparedMs <= freedMs
        ? 'prepared'
        : own['supervisor sent run'] <= freedMs
          ? 'preparing'
          : isReady
            ? 'late'
            : 'not ready';
    const steps = stepsOf(endMs, [
      ['not ready', readyMs],
      ['exit', isReady ? before['executor exit'] : undefined],
      ['store', isReady ? (before['executor sent freed'] ?? before['executor sent result']) : undefined],
      ['told', isReady ? freedMs : undefined],
      ['assigned', own['supervisor sent run']],
      ['prepared', own['supervisor got prepared']],
      ['go', own['executor got go'] ?? own['executor got run']],
      ['begun', own['executor spawn']],
      ['spawned', own['executor spawned']],
      ['start', naps.get(task).begin],
    ]);
    return [{ task, kind, ms: naps.get(task).begin - endMs, steps }];
  });
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** One line for each kind of gap: how many, how long, and the mean of each step. */
export function describeGaps(gaps) {
  return [...new Set(gaps.map(({ kind }) => kind))].sort().map((kind) => {
    const of = gaps.filter((gap) => gap.kind === kind);
    const names = [...new Set(of.flatMap(({ steps }) => Object.keys(steps)))];
    const steps = names.map((name) => `${name} ${mean(of.map(({ steps }) => steps[name] ?? 0)).toFixed(1)}`);
    const lost = mean(of.map(({ ms, steps }) => ms - (steps['not ready'] ?? 0)));
    return `${kind}: ${of.length} of ${gaps.length}, ${lost.toFixed(1)} ms (${steps.join(', ')})`;
  });
}
