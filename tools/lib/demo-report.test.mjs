import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { barOf, busyShare, chart, lanesOf, taskTable } from './demo-report.mjs';

const task = (id, startMs, endMs, agent = 'agent-1') => ({
  id,
  target: id.split(':')[1],
  agent,
  startMs,
  endMs,
  code: 0,
});
const plain = (lines) => lines.map((line) => stripVTControlCharacters(line));

test('tasks that overlap are in different lanes, and no lane has two at a time', () => {
  const tasks = [task('a:build', 0, 100), task('b:lint', 50, 150), task('c:test', 100, 200)];
  assert.deepEqual(
    lanesOf(tasks, 2).map((lane) => lane.map(({ id }) => id)),
    [['a:build', 'c:test'], ['b:lint']],
  );
});

test('no task is lost if more overlap than there are slots', () => {
  const tasks = [task('a:build', 0, 100), task('b:build', 0, 101), task('c:build', 99, 200)];
  assert.equal(lanesOf(tasks, 2).flat().length, 3);
});

test('a column shows what filled most of it, and a nearly empty one is idle', () => {
  const lane = [task('a:build', 0, 60), task('e:e2e-ci--src/a.spec.ts', 60, 200), task('b:lint', 290, 300)];
  assert.deepEqual(plain([barOf(lane, 100, 300)]), ['▒█·']);
});

test('the share of busy time is that of all slots', () => {
  assert.equal(busyShare([task('a:build', 0, 100), task('b:build', 0, 50)], 2, 100), 0.75);
});

test('the table counts split targets as one, and has a column for the main job only if it ran something', () => {
  const tasks = [task('e:e2e-ci--src/a.spec.ts', 0, 2000), task('e:e2e-ci', 0, 0, 'main job')];
  const agents = [{ name: 'agent-1', slots: 2 }];
  const [head, e2e, all, busy] = plain(taskTable(tasks, agents, 2000)).map((line) => line.split(/\s{2,}/));
  assert.deepEqual(head, ['', 'tasks', 'work', 'agent-1', 'main job']);
  assert.deepEqual(e2e, ['e2e-ci', '2', '2.0 s', '1', '1']);
  assert.deepEqual(all, ['all', '2', '2.0 s', '1', '1']);
  assert.deepEqual(busy, ['busy', '50 %']);
  assert.ok(!plain(taskTable(tasks.slice(0, 1), agents, 2000))[0].includes('main job'));
});

test('the chart is at most 100 columns wide', () => {
  const places = [{ name: 'one machine', slots: 2 }];
  for (const durationMs of [900, 61_000, 600_000, 3_000_000]) {
    const tasks = [task('a:build', 0, durationMs, 'one machine')];
    for (const line of plain(chart([{ tasks, places, durationMs }]))) assert.ok(line.length <= 100, line);
  }
});
