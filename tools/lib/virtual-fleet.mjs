// A run in virtual time: the real scheduler decides, and agents do what they are told, with a delay for each message and for what they
// prepare. Deterministic.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const LIMITS = {
  leaseMs: 30_000,
  agentReturnMs: 15_000,
  mainLostMs: 60_000,
  sessionIdleMs: 600_000,
  attemptsPerTask: 3,
  logEntriesPerFrame: 500,
  frameBytes: 16 * 1024 * 1024,
};
const BEAT_MS = 5_000;
/** As agents: after this time they say that a task has begun. */
const BEGUN_MS = 100;
/** What the main job submits for a task of which nothing is known. */
const UNKNOWN_MS = 30_000;
/** More events than any run here has. */
const MOST_EVENTS = 1_000_000;

const SUCCESS = {
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: null,
  reason: null,
  artifact: { kind: 'none' },
  startMs: 1,
  endMs: 2,
  hashDetails: null,
};
const RECALLED = { kind: 'returned', reason: { code: 'DTE_RECALLED', message: 'It has not started.' } };

const keyOf = ({ taskId, attempt }) => `${taskId} ${attempt}`;

/** What an agent reports of an attempt in each of its states. */
const PHASES = {
  preparing: { name: 'preparing' },
  prepared: { name: 'preparing' },
  runs: { name: 'executing', startMs: 0 },
  ended: { name: 'completed', result: SUCCESS },
  returned: { name: 'completed', result: RECALLED },
};

/** An agent; `world` has the clock and the way to the coordinator. */
class VirtualAgent {
  #attempts = new Map();
  #asking = [];
  #slots = 0;
  #seq = 0;

  constructor(id, world) {
    this.id = id;
    this.world = world;
  }

  sync() {
    const work = [...this.#attempts.values()].map(({ runId, taskId, attempt, state }) => ({
      runId,
      taskId,
      attempt,
      phase: PHASES[state],
    }));
    const sync = { type: 'agent.sync', seq: ++this.#seq, slots: this.world.slots, draining: false, work };
    this.world.give({ type: 'agent.sync', agentId: this.id, sync });
  }

  wanted({ assignments, ahead = [] }) {
    const listed = new Set(assignments.map(keyOf));
    for (const key of this.#attempts.keys()) if (!listed.has(key)) this.#attempts.delete(key);
    this.#slots = Math.min(this.world.slots, assignments.length - ahead.length);
    for (const assignment of assignments)
      if (!this.#attempts.has(keyOf(assignment))) this.#prepare(assignment);
    const recalled = ahead.filter((ref) => ref.recalled).map((ref) => this.#attempts.get(keyOf(ref)));
    const back = recalled.filter(({ state }) => state === 'preparing' || state === 'prepared');
    for (const attempt of back) attempt.state = 'returned';
    if (back.length > 0) this.#report();
    this.#next();
  }

  #report() {
    this.world.after(this.world.tripMs / 2, () => this.sync());
  }

  #prepare({ runId, taskId, attempt: number }) {
    const attempt = { runId, taskId, attempt: number, state: 'preparing' };
    this.#attempts.set(keyOf(attempt), attempt);
    this.world.after(this.world.prepareMs, () => {
      if (attempt.state !== 'preparing') return;
      attempt.state = 'prepared';
      this.#asking.push(attempt);
      this.#next();
    });
  }

  #next() {
    this.#asking = this.#asking.filter(
      (each) => each.state === 'prepared' && this.#attempts.has(keyOf(each)),
    );
    const isRunning = ({ state }) => state === 'runs';
    while (this.#asking.length > 0 && [...this.#attempts.values()].filter(isRunning).length < this.#slots)
      this.#run(this.#asking.shift());
  }

  #run(attempt) {
    attempt.state = 'runs';
    this.world.began();
    this.world.after(BEGUN_MS, () => isStill(attempt, 'runs') && this.sync());
    this.world.after(this.world.msOf(attempt.taskId), () => {
      attempt.state = 'ended';
      this.world.ended();
      // The next one is there.
      this.#next();
      this.#report();
    });
  }
}

const isStill = ({ state }, expected) => state === expected;

/** The clock, and everything that happens at a time. */
class Clock {
  nowMs = 0;
  #events = [];
  #count = 0;

  after(ms, act) {
    this.#events.push({ atMs: this.nowMs + ms, order: this.#count++, act });
  }

  /** Until `isOver`. */
  run(isOver) {
    while (!isOver()) {
      this.#events.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = this.#events.shift();
      if (next === undefined || this.#count > MOST_EVENTS) throw new Error('The run does not end.');
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.act();
    }
  }
}

/**
 * @param {{ name: string, dependencies: string[], ms: number }[]} tasks
 * @param {{ agents: number, slots: number, spare: number, learntMs?: number[], tripMs: number, prepareMs: number }} fleet `spare`: tasks that
 *   an agent prepares beyond its slots; `tripMs`: from a result to the next task; `prepareMs`: from a task to its start
 * @returns {{ spanMs: number, recalls: number }} from the first start to the last end; tasks that were taken back
 */
export function virtualRun(tasks, { agents, slots, spare, learntMs, tripMs, prepareMs }) {
  const { createState } = require('../../packages/scheduler/dist/state.js');
  const { step } = require('../../packages/scheduler/dist/step.js');
  const { runSpec, taskSpec } = require('../../packages/testing/dist/examples/run-specs.js');
  const idOf = (name) => `${name}:build`;
  const lengths = new Map(tasks.map(({ name, ms }) => [idOf(name), ms]));
  const state = createState(LIMITS, 'bench');
  const clock = new Clock();
  const fleet = new Map();
  const seen = { firstMs: undefined, lastMs: 0, recalls: 0, wakeAtMs: null };
  const wake = (wakeAtMs) => {
    if (wakeAtMs === null || wakeAtMs === seen.wakeAtMs) return;
    seen.wakeAtMs = wakeAtMs;
    clock.after(Math.max(0, wakeAtMs - clock.nowMs), () => {
      if (seen.wakeAtMs !== wakeAtMs) return;
      seen.wakeAtMs = null;
      give({ type: 'tick' });
    });
  };
  const give = (input) => {
    const { send, events, wakeAtMs } = step(state, input, Math.round(clock.nowMs));
    seen.recalls += events.filter(({ type }) => type === 'task.recalled').length;
    for (const { to, agentId, message } of send)
      if (to === 'agent') clock.after(tripMs / 2, () => fleet.get(agentId).wanted(message));
    wake(wakeAtMs ?? null);
  };
  const world = {
    slots,
    tripMs,
    prepareMs,
    give,
    after: (ms, act) => clock.after(ms, act),
    msOf: (taskId) => lengths.get(taskId),
    began: () => (seen.firstMs ??= clock.nowMs),
    ended: () => (seen.lastMs = clock.nowMs),
  };
  for (let index = 1; index <= agents; index++) {
    const agent = new VirtualAgent(`agent-${index}`, world);
    fleet.set(agent.id, agent);
    const join = { agentId: agent.id, name: agent.id, jobUrl: null, slots, labels: [], spare };
    give({ type: 'agent.joined', agent: join });
    agent.sync();
  }
  const specs = tasks.map(({ name, dependencies }) =>
    taskSpec(idOf(name), dependencies.map(idOf), { weight: UNKNOWN_MS }),
  );
  give({ type: 'run.submit', spec: runSpec('r1', specs), ...(learntMs === undefined ? {} : { learntMs }) });
  give({ type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } });
  const beat = () => {
    for (const agent of fleet.values()) agent.sync();
    clock.after(BEAT_MS, beat);
  };
  clock.after(BEAT_MS, beat);
  clock.run(() => state.openRuns.size === 0);
  return { spanMs: seen.lastMs - seen.firstMs, recalls: seen.recalls };
}
