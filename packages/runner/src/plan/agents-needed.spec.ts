import { agentsNeeded } from './agents-needed';
import type { PlannedTask } from './planned-work';

const MINUTE_MS = 60_000;
const tasks = (count: number, fields: Partial<PlannedTask> = {}): PlannedTask[] =>
  Array.from({ length: count }, (_, index) => ({
    id: `p${index}:build`,
    project: `p${index}`,
    target: 'build',
    configuration: null,
    place: 'agents',
    alone: false,
    ...fields,
  }));
const each = (ms: number) => ({ of: () => ({ ms, from: 'usual' as const }) });
const minuteEach = each(MINUTE_MS);
const wish = { agentsMax: 8, minutesPerAgent: 5, parallel: 2 };

describe('agentsNeeded', () => {
  it('needs no agent when nothing is affected', () => {
    expect(agentsNeeded([], minuteEach, wish)).toEqual({ agents: 0, tasks: 0, workMs: 0 });
  });

  it('needs no agent when everything is cached, or is for the main job itself', () => {
    const places = ['cached', 'main', 'nothing'] as const;
    const all = places.flatMap((place) => tasks(20, { place }));
    expect(agentsNeeded(all, minuteEach, wish)).toEqual({ agents: 0, tasks: 0, workMs: 0 });
  });

  it('gives each agent five minutes of work, two tasks at a time', () => {
    expect(agentsNeeded(tasks(30), minuteEach, wish)).toEqual({
      agents: 3,
      tasks: 30,
      workMs: 30 * MINUTE_MS,
    });
    expect(agentsNeeded(tasks(31), minuteEach, wish).agents).toBe(4);
  });

  it('ignores cached tasks', () => {
    const all = [...tasks(10), ...tasks(100, { place: 'cached' })];
    expect(agentsNeeded(all, minuteEach, wish).agents).toBe(1);
  });

  it('needs one agent for any work, and never more than allowed', () => {
    expect(agentsNeeded(tasks(1), each(1), wish).agents).toBe(1);
    expect(agentsNeeded(tasks(1000), minuteEach, wish).agents).toBe(8);
    expect(agentsNeeded(tasks(1000), minuteEach, { ...wish, agentsMax: 0 }).agents).toBe(0);
  });

  it('needs no more agents than can work at the same time', () => {
    expect(agentsNeeded(tasks(4), each(60 * MINUTE_MS), wish).agents).toBe(2);
  });

  it('counts the part of an agent that each task takes, where agents pack', () => {
    const packed = (share: number) => ({ ...wish, shareOf: () => share });
    // Whole agents, thirds, and fewer than slots would allow at a time.
    expect(agentsNeeded(tasks(30), minuteEach, packed(1)).agents).toBe(6);
    expect(agentsNeeded(tasks(30), minuteEach, packed(1 / 3)).agents).toBe(2);
    expect(agentsNeeded(tasks(4), each(60 * MINUTE_MS), packed(1)).agents).toBe(4);
    expect(agentsNeeded(tasks(3, { alone: true }), each(60 * MINUTE_MS), packed(0.1)).agents).toBe(3);
  });

  it.each([3, 7, 49, 256])('needs one agent for as many tasks as it has slots: %i', (parallel) => {
    expect(agentsNeeded(tasks(parallel), each(60 * MINUTE_MS), { ...wish, parallel }).agents).toBe(1);
  });

  it('counts a task that must run alone for all slots of its agent', () => {
    expect(agentsNeeded(tasks(10, { alone: true }), minuteEach, wish).agents).toBe(2);
    expect(agentsNeeded(tasks(3, { alone: true }), each(60 * MINUTE_MS), wish).agents).toBe(3);
  });
});
