/**
 * Measures a step at the size for which the scheduler is designed: `node packages/scheduler/bench/step-cost.cjs`, after
 * a build. Arguments: number of tasks (100000), agents (1000), slots of each (4). The last line is machine-readable.
 */
const { performance } = require('node:perf_hooks');
const { createState, step } = require('../dist');

const [taskCount = 100_000, agentCount = 1_000, slots = 4] = process.argv.slice(2).map(Number);
const LAYER = 1_000;

const config = {
  leaseMs: 30_000,
  mainLostMs: 60_000,
  sessionIdleMs: 600_000,
  attemptsPerTask: 3,
  logEntriesPerFrame: 500,
  frameBytes: 16 * 1024 * 1024,
};

/** Layers of tasks. Each task depends on three of the layer before; every tenth layer has no dependencies. */
const tasks = Array.from({ length: taskCount }, (_, index) => {
  const layer = Math.floor(index / LAYER);
  const before = (offset) => ({ id: `p${(layer - 1) * LAYER + ((index + offset) % LAYER)}:build` });
  return {
    id: `p${index}:build`,
    hash: `hash-of-task-${index}`,
    cacheable: true,
    parallelism: index % 500 !== 0,
    dependencies: layer % 10 === 0 ? [] : [before(0), before(1), before(7)],
    continuousDependencies: [],
    weight: 1 + (index % 17),
    initial: { state: 'pending' },
  };
});
const spec = {
  runId: 'r1',
  command: 'bench',
  requestedTargets: ['build'],
  parallel: 2,
  nxBail: false,
  streamOutput: false,
  tasks,
};

const state = createState(config, 'bench');
const costs = new Map();
let nowMs = 1_000_000;

function give(kind, input) {
  const from = performance.now();
  const effects = step(state, input, nowMs);
  const ms = performance.now() - from;
  const cost = costs.get(kind) ?? { count: 0, totalMs: 0, maxMs: 0 };
  costs.set(kind, { count: cost.count + 1, totalMs: cost.totalMs + ms, maxMs: Math.max(cost.maxMs, ms) });
  return effects;
}

const agents = new Map();
for (let index = 0; index < agentCount; index++) {
  const agentId = `a${index}`;
  agents.set(agentId, { seq: 0, wanted: [] });
  nowMs += 5;
  give('join', { type: 'agent.joined', agent: { agentId, name: agentId, jobUrl: null, slots, labels: [] } });
}
give('main', { type: 'main.connected' });

let ackSeq = 0;
function hear(effects) {
  for (const outgoing of effects.send) {
    if (outgoing.to === 'agent') agents.get(outgoing.agentId).wanted = outgoing.message.assignments;
    if (outgoing.to === 'run') ackSeq = outgoing.message.fromSeq + outgoing.message.entries.length;
  }
}
hear(give('submit', { type: 'run.submit', spec }));
const follow = () => ({
  type: 'main.sync',
  sync: { type: 'main.sync', runId: 'r1', ackSeq, want: 'follow' },
});
hear(give('main', follow()));

const workOf = ({ runId, taskId, attempt }, phase) => ({ runId, taskId, attempt, phase });
const resultOf = ({ taskId }) => ({
  kind: 'finished',
  status: 'success',
  code: 0,
  fromCache: null,
  hash: `hash-of-${taskId}`,
  artifact: { kind: 'cache', hash: `hash-of-${taskId}` },
  startMs: nowMs,
  endMs: nowMs,
  reason: null,
  hashDetails: null,
});

/** Each agent in turn reports that it executes its new attempts, then that the oldest is done. */
const run = () => state.runs.get('r1');
while (run().phase === 'running') {
  for (const [agentId, agent] of agents) {
    nowMs += 2;
    const sync = (kind, work) =>
      hear(
        give(kind, {
          type: 'agent.sync',
          agentId,
          sync: { type: 'agent.sync', seq: ++agent.seq, slots, draining: false, work },
        }),
      );
    const executing = (assignment) => workOf(assignment, { name: 'executing', startMs: nowMs });
    sync('heartbeat', agent.wanted.map(executing));
    const [first, ...rest] = agent.wanted;
    if (first === undefined) continue;
    sync('result', [workOf(first, { name: 'completed', result: resultOf(first) }), ...rest.map(executing)]);
  }
  hear(give('main', follow()));
}

const rounded = (ms) => Math.round(ms * 10_000) / 10_000;
const summary = Object.fromEntries(
  [...costs].map(([kind, { count, totalMs, maxMs }]) => [
    kind,
    { count, meanMs: rounded(totalMs / count), maxMs: rounded(maxMs) },
  ]),
);
console.table(summary);
console.log(
  `bench step: ${JSON.stringify({ taskCount, agentCount, operations: state.operations, ...summary })}`,
);
