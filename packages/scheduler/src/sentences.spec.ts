import {
  type AttemptResult,
  type FinishedAttempt,
  LIMITS,
  type Reason,
  type RunLogEntry,
  type TaskSpec,
} from '@org/dte-protocol';
import { runSpec, taskSpec } from '@org/dte-testing';
import type { Effects, SchedulerConfig } from './interface';
import { createState, type SchedulerState } from './state';
import { step } from './step';

const CONFIG: SchedulerConfig = {
  leaseMs: 30_000,
  agentReturnMs: 15_000,
  mainLostMs: 600_000,
  sessionIdleMs: 600_000,
  attemptsPerTask: 3,
  logEntriesPerFrame: 500,
  frameBytes: 16 * 1024 * 1024,
  releaseIdleMs: 30_000,
  reserveSlots: 1,
};

const join = (state: SchedulerState, agentId: string, labels: string[] = []): Effects =>
  step(
    state,
    { type: 'agent.joined', agent: { agentId, name: `agent ${agentId}`, jobUrl: null, slots: 1, labels } },
    0,
  );

/** A run that a main job follows, with one task unless others are given. */
function setUp(tasks: TaskSpec[] = [taskSpec('app:build')], options: Parameters<typeof runSpec>[2] = {}) {
  const state = createState(CONFIG, 's1');
  const submit = (flaky: string[] = []): void => {
    step(state, { type: 'run.submit', spec: runSpec('r1', tasks, options), flaky }, 0);
    const sync = { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } as const;
    step(state, { type: 'main.sync', sync }, 0);
  };
  let seq = 0;
  const complete = (agentId: string, attempt: number, result: AttemptResult): void => {
    seq += 1;
    const phase = { name: 'completed', result } as const;
    const work = [{ runId: 'r1', taskId: 'app:build', attempt, phase }];
    const sync = { type: 'agent.sync', seq, slots: 1, draining: false, work } as const;
    step(state, { type: 'agent.sync', agentId, sync: { ...sync, work } }, 0);
  };
  const log = (): readonly RunLogEntry[] => state.runs.get('r1')!.log.entries;
  const reasons = (): (Reason | null)[] =>
    log().flatMap((entry) => (entry.type === 'started' ? [] : [entry.reason]));
  return { state, submit, complete, log, reasons };
}

const failure = (fields: Partial<FinishedAttempt> = {}): FinishedAttempt => ({
  kind: 'finished',
  status: 'failure',
  code: 7,
  fromCache: null,
  hash: '1',
  artifact: { kind: 'none' },
  startMs: 1,
  endMs: 2,
  reason: null,
  hashDetails: null,
  ...fields,
});

describe('a task whose rule no agent satisfies', () => {
  const rule = {
    rule: 'gpu tasks',
    runOn: [
      { label: 'gpu', parallelism: null },
      { label: 'fpga', parallelism: 2 },
    ],
  };
  const unsatisfied = (labels: string[][], runOn = rule.runOn): Reason[] => {
    const { state, submit, reasons } = setUp([taskSpec('app:build', [], { placement: 0 })], {
      placements: [{ ...rule, runOn }],
      placementWaitMs: 20_000,
    });
    labels.forEach((each, nth) => join(state, `a${nth}`, each));
    submit();
    step(state, { type: 'tick' }, 10_000);
    step(state, { type: 'tick' }, 20_000);
    return reasons().filter((reason) => reason !== null);
  };

  it('names the rule, its labels, how long it has waited, and the labels that there are', () => {
    expect(
      unsatisfied([
        ['linux', 'x64'],
        ['arm', 'linux'],
      ]),
    ).toEqual([
      {
        code: 'DTE_RULE_UNSATISFIED',
        message:
          'app:build did not run: the rule gpu tasks requires agents with the label gpu, fpga ' +
          'and none was connected for 20 s. Labels of the connected agents: arm, linux, x64.',
      },
    ]);
  });

  it('says that no agent has a label', () => {
    expect(unsatisfied([[], []])[0]?.message).toMatch(
      /for 20 s\. None of the 2 connected agents has a label\.$/,
    );
  });

  it.each([
    [20, / label19\.$/],
    [21, / label19, 1 more\.$/],
  ])('lists 20 of %d labels', (count, expected) => {
    const label = (nth: number): string => `label${String(nth).padStart(2, '0')}`;
    const labels = Array.from({ length: count }, (_, nth) => label(nth)).reverse();
    expect(unsatisfied([labels])[0]?.message).toMatch(expected);
  });

  it('stays within the length of a reason', () => {
    const runOn = Array.from({ length: 20 }, (_, nth) => ({
      label: `${nth}-${'x'.repeat(1_000)}`,
      parallelism: null,
    }));
    expect(unsatisfied([['linux']], runOn)[0]?.message).toHaveLength(16_384);
  });
});

describe('a retried task', () => {
  it('names its exit code, and which of its retries it is', () => {
    const { state, submit, complete, reasons } = setUp([taskSpec('app:build', [], { retries: 2 })]);
    join(state, 'a1');
    submit();
    complete('a1', 1, failure());
    complete('a1', 2, failure({ reason: { code: 'DTE_TASK_TIMEOUT', message: 'too long' } as never }));
    expect(reasons().map((reason) => reason?.message)).toEqual([
      'app:build failed on agent a1 (exit code 7) and is retried (1 of 2, option retries).',
      'app:build failed on agent a1 (DTE_TASK_TIMEOUT) and is retried (2 of 2, option retries).',
    ]);
    expect(reasons()[0]?.code).toBe('DTE_TASK_FAILED');
  });

  it.each([
    [{ flakiness: 'retry' as const }, 'it is known to be flaky, option retryFlaky'],
    [{ flakiness: 'retry' as const, retries: 1 }, '1 of 1, option retries'],
  ])('with %j says why', (fields, why) => {
    const { state, submit, complete, reasons } = setUp([taskSpec('app:build', [], fields)]);
    join(state, 'a1');
    submit(['app:build']);
    complete('a1', 1, failure());
    expect(reasons()[0]?.message).toBe(`app:build failed on agent a1 (exit code 7) and is retried (${why}).`);
  });

  it('that is not known to be flaky is not retried for that', () => {
    const { state, submit, complete, log } = setUp([taskSpec('app:build', [], { flakiness: 'retry' })]);
    join(state, 'a1');
    submit(['other:build']);
    complete('a1', 1, failure());
    expect(log().at(-1)).toMatchObject({ type: 'ended', status: 'failure' });
  });
});

it('names the agent that sent no heartbeat for a task, and for how long', () => {
  const { state, submit, reasons } = setUp();
  join(state, 'a1');
  submit();
  step(state, { type: 'tick' }, 30_000);
  expect(reasons()).toEqual([
    {
      code: 'DTE_LEASE_EXPIRED',
      message: 'Agent agent a1 sent no heartbeat for the task for 30000 ms.',
    },
  ]);
});

describe('agents that were refused', () => {
  const refuse = (
    state: SchedulerState,
    name: string | null,
    message: string,
    code = 'DTE_COMMIT_MISMATCH',
  ) => step(state, { type: 'agent.refused', name, reason: { code, message } as Reason }, 0);

  it('are listed once for each name and code, with the first message', () => {
    const { state } = setUp();
    refuse(state, 'x', 'first');
    refuse(state, 'x', 'second');
    refuse(state, 'y', 'first');
    refuse(state, 'x', 'first', 'DTE_NX_VERSION_MISMATCH');
    expect(state.session.refused.map(({ name, reason }) => [name, reason.code, reason.message])).toEqual([
      ['x', 'DTE_COMMIT_MISMATCH', 'first'],
      ['y', 'DTE_COMMIT_MISMATCH', 'first'],
      ['x', 'DTE_NX_VERSION_MISMATCH', 'first'],
    ]);
  });

  it('and are unknown are one entry, whose message is the newest', () => {
    const { state } = setUp();
    refuse(state, null, '1 client');
    state.session.infoDue = false;
    refuse(state, null, '1 client');
    expect(state.session.infoDue).toBe(false);
    refuse(state, null, '2 clients');
    expect(state.session.infoDue).toBe(true);
    expect(state.session.refused).toMatchObject([{ name: null, reason: { message: '2 clients' } }]);
  });

  it('are at most refusedPerSession', () => {
    const { state } = setUp();
    const most = LIMITS.refusedPerSession.value;
    for (let nth = 0; nth <= most; nth++) refuse(state, `agent ${nth}`, 'no');
    expect(state.session.refused).toHaveLength(most);
  });
});

describe('after the process was suspended', () => {
  it('every wait begins again: for agents, main jobs, rules and idle sessions', () => {
    const { state, submit, log } = setUp(
      [taskSpec('app:build'), taskSpec('gpu:train', [], { placement: 0 })],
      {
        placements: [{ rule: 'gpu', runOn: [{ label: 'gpu', parallelism: null }] }],
        placementWaitMs: 20_000,
      },
    );
    join(state, 'a1');
    join(state, 'a2');
    submit();
    step(state, { type: 'agent.disconnected', agentId: 'a2' }, 1_000);
    step(state, { type: 'main.disconnected', runId: 'r1' }, 1_000);
    // Much later than the step asked for.
    const { wakeAtMs } = step(state, { type: 'tick' }, 10_000_000);
    expect([...state.agents.keys()]).toEqual(['a1', 'a2']);
    expect(state.runs.get('r1')?.phase).toBe('running');
    expect(state.runs.get('r1')?.placements[0]?.lonelySinceMs).toBe(10_000_000);
    expect(log().filter(({ type }) => type === 'ended')).toEqual([]);
    expect(wakeAtMs).toBe(10_020_000);
    step(state, { type: 'tick' }, 10_020_000);
    expect(log().filter(({ type }) => type === 'ended')).toMatchObject([{ taskId: 'gpu:train' }]);
    step(state, { type: 'tick' }, 10_030_000);
    expect([...state.agents.keys()]).toEqual(['a1']);
    expect(state.runs.get('r1')?.phase).toBe('running');
  });

  it('a wait that was not running does not begin', () => {
    const { state, submit } = setUp([taskSpec('gpu:train', [], { placement: 0 })], {
      placements: [{ rule: 'gpu', runOn: [{ label: 'gpu', parallelism: null }] }],
    });
    join(state, 'a1', ['gpu']);
    submit();
    step(state, { type: 'tick' }, 10_000_000);
    const run = state.runs.get('r1')!;
    expect([run.placements[0]?.lonelySinceMs, run.unfollowedAtMs]).toEqual([null, 0]);
    expect([state.agents.get('a1')?.connected, state.session.idleSinceMs]).toEqual([true, null]);
  });
});

it('forgets deadlines that no longer apply when they outnumber the others', () => {
  const { state } = setUp();
  // Its deadline is the first, and keeps those behind it from being looked at.
  const first = { type: 'run.submit', spec: runSpec('first', [taskSpec('app:build')]) } as const;
  step(state, first, 0);
  let most = 0;
  for (let nth = 1; nth < 6_000; nth++) {
    const runId = `run ${nth}`;
    step(state, { type: 'run.submit', spec: runSpec(runId, [taskSpec('app:build')]) }, nth);
    const sync = { type: 'main.sync', runId, ackSeq: 0, want: 'close' } as const;
    step(state, { type: 'main.sync', sync }, nth);
    state.runs.delete(runId);
    most = Math.max(most, state.deadlines.length);
  }
  // One run, no agent, and 1,024 to spare.
  expect(most).toBe(4 * (1 + 1 + 1_024));
  expect(
    state.deadlines.some(({ subject }) => subject.kind === 'main-lost' && subject.runId === 'first'),
  ).toBe(true);
  step(state, { type: 'tick' }, 600_000);
  expect(state.runs.get('first')?.phase).toBe('cancelled');
});

describe('the estimated size of an assignment', () => {
  it.each([
    ['alone', {}],
    ['in a batch', { batch: 'b' }],
  ])('covers what a frame needs for it, and not much more: %s', (_, fields) => {
    // The longest characters of UTF-8 that JSON does not escape.
    const id = (nth: number): string => `${'語'.repeat(50)}${nth}:build`;
    const outputs = { digest: 'd'.repeat(64), files: 1e9, bytes: 1e15 };
    const done = Array.from({ length: 40 }, (_unused, nth) =>
      taskSpec(id(nth), [], {
        hash: 'h'.repeat(64),
        initial: {
          state: 'done',
          artifact:
            nth % 2 === 0
              ? { kind: 'cache', hash: 'h'.repeat(64), outputs }
              : { kind: 'attempt', attempt: 3 },
        } as NonNullable<TaskSpec['initial']>,
      }),
    );
    const top = [100, 101, 102].map((nth) =>
      taskSpec(
        id(nth),
        done.map((task) => task.id),
        fields,
      ),
    );
    const { state, submit } = setUp([...done, ...top]);
    join(state, 'a1');
    submit();
    const [lease] = state.agents.get('a1')!.leases;
    const needed = Buffer.byteLength(JSON.stringify(lease!.assignment));
    expect(lease!.assignment.closure).toHaveLength(40);
    expect(lease!.bytes).toBeGreaterThanOrEqual(needed);
    expect(lease!.bytes).toBeLessThan(2 * needed);
    expect(state.agents.get('a1')!.bytesWanted).toBe(lease!.bytes);
  });
});
