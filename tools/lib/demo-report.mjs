// What `npm run demo` shows at its end: tasks by target and agent, a chart of the slots over time, and the comparison.
// Readable without colours, at most 100 columns wide.
import { blue, bold, cyan, dim, green, red, seconds, yellow } from './terminal.mjs';

/**
 * @typedef {{ id: string, target: string, agent: string, startMs: number, endMs: number, code: number }} Task
 *   times in milliseconds since the start of the command
 * @typedef {{ name: string, slots: number }} Place
 */

const LABEL_WIDTH = 13;
const CHART_WIDTH = 72;
/** Targets in the order of the table, each with a shade and a colour of its own. */
const STYLES = [
  ['build', '▒', blue],
  ['lint', '▓', yellow],
  ['test', '░', green],
  ['e2e-ci', '█', cyan],
];
/** A column of the chart is busy if a task fills this share of it. */
const BUSY_SHARE = 0.3;
const TICKS_S = [1, 2, 5, 10, 20, 30, 60, 120, 300];
/** Fewer characters than that would let the labels of the axis touch. */
const TICK_WIDTH = 9;

const targetOf = (target) => target.split('--')[0];
const lasts = ({ startMs, endMs }) => endMs - startMs;
const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
export const workOf = (tasks) => sum(tasks.map(lasts));

/** Which share of the time of all slots had a task. */
export const busyShare = (tasks, slots, durationMs) => Math.min(1, workOf(tasks) / (slots * durationMs));

const percent = (share) => `${Math.round(share * 100)} %`;

/**
 * A table with a row for each target and a column for each agent.
 * @param {Task[]} tasks
 * @param {Place[]} agents
 */
export function taskTable(tasks, agents, durationMs) {
  const places = [...agents.map(({ name }) => name)];
  if (tasks.some(({ agent }) => agent === 'main job')) places.push('main job');
  const row = (name, of) => [
    name,
    String(of.length),
    seconds(workOf(of)),
    ...places.map((place) => String(of.filter(({ agent }) => agent === place).length)),
  ];
  const known = STYLES.map(([name]) => name);
  const others = [...new Set(tasks.map(({ target }) => targetOf(target)))].filter(
    (name) => !known.includes(name),
  );
  const rows = [...known, ...others].map((name) =>
    row(
      name,
      tasks.filter(({ target }) => targetOf(target) === name),
    ),
  );
  const busy = agents.map(({ name, slots }) => {
    const own = tasks.filter(({ agent }) => agent === name);
    return percent(busyShare(own, slots, durationMs));
  });
  const lines = [
    ['', 'tasks', 'work', ...places],
    ...rows.filter(([, count]) => count !== '0'),
    row('all', tasks),
    ['busy', '', '', ...busy],
  ];
  return lines.map((cells, index) => {
    const text = cells
      .map((cell, column) => (column === 0 ? cell.padEnd(LABEL_WIDTH) : cell.padStart(10)))
      .join('');
    return index === 0 ? dim(text) : index === lines.length - 2 ? bold(text) : text;
  });
}

/**
 * Tasks that ran at the same time on one machine, in as many lanes as it has slots.
 * @param {Task[]} tasks
 */
export function lanesOf(tasks, slots) {
  const lanes = Array.from({ length: slots }, () => []);
  for (const task of [...tasks].sort((left, right) => left.startMs - right.startMs)) {
    const endOf = (lane) => lane.at(-1)?.endMs ?? 0;
    // The lane that has been free for the shortest time: a slot that is idle for long shows as one gap.
    const free = lanes
      .filter((lane) => endOf(lane) <= task.startMs)
      .sort((left, right) => endOf(right) - endOf(left));
    // Clocks are read by several processes: two tasks of one slot may overlap by a millisecond.
    const [earliest] = [...lanes].sort((left, right) => endOf(left) - endOf(right));
    (free[0] ?? earliest).push(task);
  }
  return lanes;
}

/** One line of the chart: what filled each column of time. */
export function barOf(lane, columnMs, durationMs) {
  const cells = [];
  for (let from = 0; from < durationMs; from += columnMs) {
    const spent = STYLES.map(([name, shade, colour]) => {
      const own = lane.filter(({ target }) => targetOf(target) === name);
      const ms = sum(
        own.map((task) => Math.max(0, Math.min(task.endMs, from + columnMs) - Math.max(task.startMs, from))),
      );
      return { ms, text: colour(shade) };
    }).sort((left, right) => right.ms - left.ms);
    cells.push(sum(spent.map(({ ms }) => ms)) < columnMs * BUSY_SHARE ? dim('·') : spent[0].text);
  }
  return cells.join('');
}

function axis(columnMs, lastMs) {
  const step = TICKS_S.find((tick) => (tick * 1000) / columnMs >= TICK_WIDTH) ?? TICKS_S.at(-1);
  let line = '';
  for (let second = 0; second * 1000 <= lastMs; second += step)
    line = `${line.padEnd(Math.round((second * 1000) / columnMs))}${second === 0 ? '0 s' : `${second}`}`;
  return dim(`${' '.repeat(LABEL_WIDTH)}${line}`);
}

/**
 * The slots of all machines over time, on one scale.
 * @param {{ tasks: Task[], places: Place[], durationMs: number }[]} runs
 */
export function chart(runs) {
  const longestMs = Math.max(...runs.map(({ durationMs }) => durationMs));
  const columnMs = longestMs / CHART_WIDTH;
  const lines = [axis(columnMs, longestMs)];
  for (const { tasks, places, durationMs } of runs) {
    for (const { name, slots } of places) {
      const own = tasks.filter(({ agent, startMs, endMs }) => agent === name && endMs > startMs);
      lanesOf(own, slots).forEach((lane, index) => {
        const label = (index === 0 ? name : '').padEnd(LABEL_WIDTH);
        const end = index === 0 ? `│ ${seconds(durationMs)}` : '│';
        lines.push(`${bold(label)}${barOf(lane, columnMs, durationMs)}${end}`);
      });
    }
    lines.push('');
  }
  const legend = STYLES.map(([name, shade, colour]) => `${colour(shade)} ${name}`).join('   ');
  return [...lines, `${' '.repeat(LABEL_WIDTH)}${legend}   ${dim('·')} idle`];
}

/**
 * @param {{ what: string, alone: string, agents: string, verdict: string, good: boolean }[]} rows
 * @param {{ alone: string, agents: string }} heads
 */
export function comparison(rows, heads) {
  const line = (what, alone, agents) =>
    `${what.padEnd(LABEL_WIDTH)}${alone.padStart(24)}${agents.padStart(24)}   `;
  return [
    dim(line('', heads.alone, heads.agents)),
    ...rows.map(
      ({ what, alone, agents, verdict, good }) =>
        `${line(what, alone, agents)}${good ? green(verdict) : red(verdict)}`,
    ),
  ];
}
