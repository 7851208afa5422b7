import { deserialize, serialize, Serializer } from 'node:v8';
import { DEFAULT_SESSION_SETTINGS } from '@org/dte-protocol';
import { createState, holds, type SchedulerState, step } from '@org/dte-scheduler';
import { runSpec, taskSpec } from '@org/dte-testing';
import {
  decodeSnapshot,
  encodeSnapshot,
  PART_MEMBERS,
  partsOf,
  SNAPSHOT_FORMAT,
  type SessionImage,
} from './snapshot';
import { CONFIG } from './test-support/config';

const imageOf = (state: SchedulerState): SessionImage => ({
  state,
  forwarding: { expected: new Set(['r1']), over: new Set() },
  log: { agents: new Map(), runs: new Map([['r1', { sinceMs: 1, command: 'nx build', counts: {} }]]) },
});

const copyOf = async (image: SessionImage) => decodeSnapshot(await encodeSnapshot(image), '/folder');

const runOf = (runId: string, tasks = 200) =>
  runSpec(
    runId,
    Array.from({ length: tasks }, (_, nth) =>
      taskSpec(`p${nth}:build`, nth < 20 ? [] : [`p${nth - 20}:build`]),
    ),
  );

/** A session with an agent that holds a lease. */
function atWork(): SchedulerState {
  const state = createState(CONFIG, 's1');
  const agent = { agentId: 'a', name: 'a', jobUrl: null, slots: 1, labels: [] };
  step(state, { type: 'run.submit', spec: runOf('r1') }, 1_000);
  step(state, { type: 'agent.joined', agent }, 1_000);
  return state;
}

describe('a snapshot', () => {
  it('keeps everything, -Infinity and undefined included', async () => {
    const image = imageOf(atWork());
    const again = await copyOf(image);
    expect(again).toEqual(image);
    expect(again.state.session.infoSentAtMs).toBe(1_000);
    expect(again.state.runs.get('r1')?.log.rewoundAtMs).toBe(-Infinity);
    expect(deserialize(serialize({ a: undefined }))).toHaveProperty('a', undefined);
  });

  it('keeps that a lease is one object for its run, its agent and its task', async () => {
    const { state } = await copyOf(imageOf(atWork()));
    const run = state.runs.get('r1')!;
    const [lease] = state.agents.get('a')!.leases;
    expect(run.leases.get(lease!.index)).toBe(lease);
    expect(run.tasks[lease!.index]!.state).toHaveProperty('lease', lease);
    step(state, { type: 'agents.heard', agoMs: { a: 0 } }, 20_000);
    step(state, { type: 'tick' }, 20_000 + CONFIG.leaseMs - 1);
    expect(holds(state, 'a', { runId: 'r1', taskId: lease!.assignment.taskId, attempt: 1 })).toBe(true);
  });

  it('keeps whether a session was configured, be it with the defaults', async () => {
    const fresh = imageOf(createState(CONFIG, 's1'));
    const settingsOf = async (image: SessionImage) => (await copyOf(image)).state.session.settings;
    expect(await settingsOf(fresh)).toBe(DEFAULT_SESSION_SETTINGS);
    step(fresh.state, { type: 'session.configure', settings: { ...DEFAULT_SESSION_SETTINGS } }, 1);
    expect(await settingsOf(fresh)).not.toBe(DEFAULT_SESSION_SETTINGS);
    expect(await settingsOf(fresh)).toEqual(DEFAULT_SESSION_SETTINGS);
  });

  it('of another format, or of a newer Node, is not guessed at', async () => {
    const { bytes } = await encodeSnapshot(imageOf(atWork()));
    await expect(decodeSnapshot({ format: SNAPSHOT_FORMAT + 1, bytes }, '/folder')).rejects.toThrow(
      `snapshot in the journal of /folder: its format is ${SNAPSHOT_FORMAT + 1}`,
    );
    const newer = Buffer.from(bytes);
    newer[1] = 0xff;
    await expect(decodeSnapshot({ format: SNAPSHOT_FORMAT, bytes: newer }, '/folder')).rejects.toThrow(
      /This version of Node .* cannot read/,
    );
  });

  it('holds less than a kilobyte of a run that is closed, however many tasks and rules it had', async () => {
    const state = atWork();
    const sizeOf = async () => (await encodeSnapshot(imageOf(state))).bytes.length;
    const close = (runId: string) =>
      step(state, { type: 'main.sync', sync: { type: 'main.sync', runId, ackSeq: 0, want: 'close' } }, 2_000);
    close('r1');
    const before = await sizeOf();
    const label = (nth: number) => [{ label: `label ${nth % 10}`, parallelism: null }];
    const placements = Array.from({ length: 100 }, (_, nth) => ({ rule: `rule ${nth}`, runOn: label(nth) }));
    for (let nth = 0; nth < 20; nth++) {
      step(state, { type: 'run.submit', spec: { ...runOf(`run ${nth}`), placements } }, 2_000);
      close(`run ${nth}`);
    }
    expect(((await sizeOf()) - before) / 20).toBeLessThan(1_000);
  });

  describe('of a large run', () => {
    const TASKS = 20_000;
    const image = (): SessionImage => {
      const state = atWork();
      step(state, { type: 'run.submit', spec: runOf('large', TASKS) }, 2_000);
      return imageOf(state);
    };

    it('is written and read in parts, with time for others after each of them', async () => {
      const large = image();
      const counted = async <T>(work: (breathe: () => Promise<void>) => Promise<T>): Promise<[T, number]> => {
        let breaths = 0;
        const result = await work(() => Promise.resolve(void (breaths += 1)));
        return [result, breaths];
      };
      const [snapshot, written] = await counted((breathe) => encodeSnapshot(large, breathe));
      const [again, read] = await counted((breathe) => decodeSnapshot(snapshot, '/folder', breathe));
      // A record of each task, and its edges in both directions.
      expect(written).toBeGreaterThanOrEqual((3 * TASKS) / PART_MEMBERS);
      expect(read).toBe(written);
      expect(again).toEqual(large);
    });

    it('writes at most PART_MEMBERS records at a time, and leaves little for the end', () => {
      const large = image();
      const parts = [...partsOf(large)];
      const written = new Set<unknown>();
      for (const part of parts) {
        const records = part.flatMap((each) => (Array.isArray(each) ? (each as unknown[]) : [each]));
        const fresh = records.filter((each) => typeof each === 'object' && !written.has(each));
        expect(fresh.length).toBeLessThanOrEqual(PART_MEMBERS);
        for (const each of [...part, ...fresh]) written.add(each);
      }
      const sizeOf = (values: readonly unknown[]): number => {
        const serializer = new Serializer();
        for (const value of values) serializer.writeValue(value);
        return serializer.releaseBuffer().length;
      };
      const all = sizeOf([...parts, large]);
      expect(all - sizeOf(parts)).toBeLessThan(all / 100);
    });
  });
});
