import { deserialize, serialize } from 'node:v8';
import { DEFAULT_SESSION_SETTINGS, LIMITS } from '@org/dte-protocol';
import { createState, holds, type SchedulerState, step } from '@org/dte-scheduler';
import { runSpec, taskSpec } from '@org/dte-testing';
import { decodeSnapshot, encodeSnapshot, SNAPSHOT_FORMAT, type SessionImage } from './snapshot';

const CONFIG = {
  leaseMs: LIMITS.leaseMs.value,
  agentReturnMs: LIMITS.agentReturnMs.value,
  mainLostMs: LIMITS.mainLostMs.value,
  sessionIdleMs: LIMITS.sessionIdleMs.value,
  attemptsPerTask: LIMITS.attemptsPerTask.value,
  logEntriesPerFrame: LIMITS.logEntriesPerFrame.value,
  frameBytes: LIMITS.frameBytes.value,
};

const imageOf = (state: SchedulerState): SessionImage => ({
  state,
  forwarding: { expected: new Set(['r1']), over: new Set() },
  log: { agents: new Map(), runs: new Map([['r1', { sinceMs: 1, command: 'nx build', counts: {} }]]) },
});

const runOf = (runId: string) =>
  runSpec(
    runId,
    Array.from({ length: 200 }, (_, nth) => taskSpec(`p${nth}:build`)),
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
  it('keeps everything, -Infinity and undefined included', () => {
    const image = imageOf(atWork());
    const again = decodeSnapshot(encodeSnapshot(image), '/folder');
    expect(again).toEqual(image);
    expect(again.state.session.infoSentAtMs).toBe(1_000);
    expect(again.state.runs.get('r1')?.log.rewoundAtMs).toBe(-Infinity);
    expect(deserialize(serialize({ a: undefined }))).toHaveProperty('a', undefined);
  });

  it('keeps that a lease is one object for its run, its agent and its task', () => {
    const { state } = decodeSnapshot(encodeSnapshot(imageOf(atWork())), '/folder');
    const run = state.runs.get('r1')!;
    const [lease] = state.agents.get('a')!.leases;
    expect(run.leases.get(lease!.index)).toBe(lease);
    expect(run.tasks[lease!.index]!.state).toHaveProperty('lease', lease);
    step(state, { type: 'agents.heard', agoMs: { a: 0 } }, 20_000);
    step(state, { type: 'tick' }, 20_000 + CONFIG.leaseMs - 1);
    expect(holds(state, 'a', { runId: 'r1', taskId: lease!.assignment.taskId, attempt: 1 })).toBe(true);
  });

  it('keeps whether a session was configured, be it with the defaults', () => {
    const fresh = imageOf(createState(CONFIG, 's1'));
    const settingsOf = (image: SessionImage) =>
      decodeSnapshot(encodeSnapshot(image), '/folder').state.session.settings;
    expect(settingsOf(fresh)).toBe(DEFAULT_SESSION_SETTINGS);
    step(fresh.state, { type: 'session.configure', settings: { ...DEFAULT_SESSION_SETTINGS } }, 1);
    expect(settingsOf(fresh)).not.toBe(DEFAULT_SESSION_SETTINGS);
    expect(settingsOf(fresh)).toEqual(DEFAULT_SESSION_SETTINGS);
  });

  it('of another format, or of a newer Node, is not guessed at', () => {
    const { bytes } = encodeSnapshot(imageOf(atWork()));
    expect(() => decodeSnapshot({ format: SNAPSHOT_FORMAT + 1, bytes }, '/folder')).toThrow(
      /snapshot in the journal of \/folder: its format is 3/,
    );
    const newer = Buffer.from(bytes);
    newer[1] = 0xff;
    expect(() => decodeSnapshot({ format: SNAPSHOT_FORMAT, bytes: newer }, '/folder')).toThrow(
      /This version of Node .* cannot read/,
    );
  });

  it('holds less than a kilobyte of a run that is closed, however many tasks and rules it had', () => {
    const state = atWork();
    const sizeOf = () => encodeSnapshot(imageOf(state)).bytes.length;
    const close = (runId: string) =>
      step(state, { type: 'main.sync', sync: { type: 'main.sync', runId, ackSeq: 0, want: 'close' } }, 2_000);
    close('r1');
    const before = sizeOf();
    const label = (nth: number) => [{ label: `label ${nth % 10}`, parallelism: null }];
    const placements = Array.from({ length: 100 }, (_, nth) => ({ rule: `rule ${nth}`, runOn: label(nth) }));
    for (let nth = 0; nth < 20; nth++) {
      step(state, { type: 'run.submit', spec: { ...runOf(`run ${nth}`), placements } }, 2_000);
      close(`run ${nth}`);
    }
    expect((sizeOf() - before) / 20).toBeLessThan(1_000);
  });
});
