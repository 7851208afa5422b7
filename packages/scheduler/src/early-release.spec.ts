import { runSpec, taskSpec } from '@org/dte-testing';
import { DEFAULT_SESSION_SETTINGS } from '@org/dte-protocol';
import { type Play, play, type Played } from './test-support/play';

/** One task of 100 s, then three of them at the same time. */
const TASKS = [taskSpec('gate'), ...['a', 'b', 'c'].map((id) => taskSpec(id, ['gate']))];

const playOf = (agents: Play['agents'], more: Partial<Play> = {}): Play => ({
  submission: { spec: runSpec('r', TASKS), needs: TASKS.map(() => ({ cpus: 2, memoryBytes: 1e9 })) },
  agents,
  msOf: () => 100_000,
  before: [
    {
      type: 'session.configure',
      settings: { ...DEFAULT_SESSION_SETTINGS, stopAgentsAfter: ['build'], releaseEarly: true },
    },
  ],
  ...more,
});

/** Not those for which there is nothing more to do in the very moment of the end. */
const leftEarly = ({ leftMs, makespanMs }: Played): string[] =>
  [...leftMs].flatMap(([agentId, atMs]) => (atMs < makespanMs ? [agentId] : [])).sort();

const four = (agent: Omit<Play['agents'][number], 'agentId'>): Play['agents'] =>
  ['a1', 'a2', 'a3', 'a4'].map((agentId) => ({ agentId, ...agent }));

const FEW = { reserveSlots: 0 };

it('counts on one task of an agent that packs: two may be too large to run beside each other', () => {
  const packing = four({ slots: 4, capacity: { cpus: 2, memoryBytes: 8e9 } });
  const played = play(playOf(packing, { limits: FEW }));
  expect(leftEarly(played)).toEqual([]);
  expect(played.makespanMs).toBe(200_000);
});

it('counts on all slots of other agents', () => {
  const played = play(playOf(four({ slots: 4 }), { limits: FEW }));
  expect(leftEarly(played)).toEqual(['a3', 'a4']);
  expect(played.makespanMs).toBe(200_000);
});

it('keeps the large ones of agents that pack', () => {
  const sizes = [16, 2, 16, 2];
  const agents = sizes.map((cpus, index) => ({
    agentId: `a${index + 1}`,
    slots: 1,
    capacity: { cpus, memoryBytes: 8e9 },
  }));
  const one = { spec: runSpec('r', [taskSpec('a')]), needs: [{ cpus: 12, memoryBytes: 1e9 }] };
  expect(leftEarly(play(playOf(agents, { submission: one, limits: FEW })))).toEqual(['a2', 'a4']);
});

it.each([
  ['while they may start a second time, others that run nothing stay', [50_000], 2],
  ['tasks that are never started a second time need no others', undefined, 3],
])('%s', (_, lateMs, left) => {
  const submission = {
    spec: runSpec('r', [taskSpec('a', [], { secondStart: true }), taskSpec('b')]),
    ...(lateMs === undefined ? {} : { lateMs: [...lateMs, null] }),
  };
  const agents = ['a1', 'a2', 'a3', 'a4', 'a5'].map((agentId) => ({ agentId, slots: 4 }));
  expect(leftEarly(play(playOf(agents, { submission, msOf: () => 45_000 })))).toHaveLength(left);
});

it('releases nobody where the limit is 0', () => {
  const { leftMs } = play(playOf(four({ slots: 4 }), { limits: { releaseIdleMs: 0 } }));
  expect(leftMs.size).toBe(0);
});
