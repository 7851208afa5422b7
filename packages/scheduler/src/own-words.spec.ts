import { runSpec, taskSpec } from '@org/dte-testing';
import type { AgentSync, AttemptResult, RunSpec, Work } from '@org/dte-protocol';
import { holds, storingAttempts } from './holdings';
import type { HistoryEvent } from './interface';
import { ownWords } from './own-words';
import { createState, type SchedulerState } from './state';
import { step } from './step';
import { CONFIG, SUCCESS } from './test-support/session';

const sync = (work: Work[], seq = 1): AgentSync => ({
  type: 'agent.sync',
  seq,
  slots: 1,
  draining: false,
  work,
});
const completed = (taskId: string, result: AttemptResult, attempt = 1): Work => ({
  runId: 'r1',
  taskId,
  attempt,
  phase: { name: 'completed', result },
});

const mayStore = (state: SchedulerState, agentId: string, hash: string): boolean =>
  storingAttempts(state, agentId, hash).length > 0;

/** A session with this run and two agents of one slot each: each has one of its first two pieces of work. */
function session(run: RunSpec): SchedulerState {
  const state = createState(CONFIG, 's1');
  step(state, { type: 'run.submit', spec: run }, 1);
  for (const agentId of ['a1', 'a2']) {
    step(
      state,
      { type: 'agent.joined', agent: { agentId, name: agentId, jobUrl: null, slots: 1, labels: [] } },
      1,
    );
    step(state, { type: 'agent.sync', agentId, sync: sync([], 0) }, 1);
  }
  return state;
}

const two = (options: Partial<RunSpec> = {}): RunSpec =>
  runSpec('r1', [taskSpec('a:build', [], { weight: 2 }), taskSpec('b:build'), taskSpec('c:build')], options);

describe('an agent holds', () => {
  it('the attempt that is leased to it, and no other', () => {
    const state = session(two());
    const asked = (agentId: string, taskId: string, attempt: number, runId = 'r1') =>
      holds(state, agentId, { runId, taskId, attempt });
    expect(asked('a1', 'a:build', 1)).toBe(true);
    expect(asked('a2', 'b:build', 1)).toBe(true);
    expect(asked('a2', 'a:build', 1)).toBe(false);
    expect(asked('a1', 'a:build', 2)).toBe(false);
    expect(asked('a1', 'c:build', 1)).toBe(false);
    expect(asked('a1', 'nobody:build', 1)).toBe(false);
    expect(asked('a1', 'a:build', 1, 'r2')).toBe(false);
    expect(asked('nobody', 'a:build', 1)).toBe(false);
  });

  it('no attempt that has ended or was lost', () => {
    const state = session(two());
    step(state, { type: 'agent.sync', agentId: 'a1', sync: sync([completed('a:build', SUCCESS)]) }, 2);
    expect(holds(state, 'a1', { runId: 'r1', taskId: 'a:build', attempt: 1 })).toBe(false);
    step(
      state,
      { type: 'agent.removed', agentId: 'a2', reason: { code: 'DTE_AGENT_LEFT', message: 'left' } },
      2,
    );
    expect(holds(state, 'a2', { runId: 'r1', taskId: 'b:build', attempt: 1 })).toBe(false);
  });

  it('each task of a batch until it has ended', () => {
    const batch = { batch: 'tsc' };
    const state = session(runSpec('r1', [taskSpec('a:build', [], batch), taskSpec('b:build', [], batch)]));
    const ofBatch = (agentId: string) =>
      ['a:build', 'b:build'].map((taskId) => holds(state, agentId, { runId: 'r1', taskId, attempt: 1 }));
    expect(ofBatch('a1')).toEqual([true, true]);
    expect(ofBatch('a2')).toEqual([false, false]);
    expect(mayStore(state, 'a1', 'hash-b-build')).toBe(true);
  });
});

describe('an agent may store', () => {
  it('the hash of a task that it holds', () => {
    const state = session(two());
    expect(mayStore(state, 'a1', 'hash-a-build')).toBe(true);
    for (const hash of ['hash-b-build', 'hash-c-build', 'other'])
      expect(mayStore(state, 'a1', hash)).toBe(false);
    expect(mayStore(state, 'nobody', 'hash-a-build')).toBe(false);
  });

  it('any hash while it holds a task whose hash is known only on the agent', () => {
    const unknown = session(runSpec('r1', [taskSpec('a:build', [], { hash: null }), taskSpec('b:build')]));
    expect(mayStore(unknown, 'a1', 'other')).toBe(true);
    expect(mayStore(unknown, 'a2', 'other')).toBe(false);
    const lenient = session(two({ onHashMismatch: 'warn' }));
    expect(mayStore(lenient, 'a1', 'other')).toBe(true);
    step(
      lenient,
      { type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'close' } },
      2,
    );
    expect(mayStore(lenient, 'a1', 'other')).toBe(false);
  });
});

describe('a sync loses', () => {
  it('nothing if the agent reports only its own attempts', () => {
    const state = session(two());
    const own = sync([completed('a:build', SUCCESS)]);
    expect(ownWords(state, 'a1', own)).toBe(own);
  });

  it('the result of an attempt of another agent, of another attempt, and of an unknown one', () => {
    const state = session(two());
    const long = { code: 'DTE_INTERNAL', message: 'x'.repeat(16_000) } as const;
    const said = sync([
      completed('b:build', { ...SUCCESS, reason: long }),
      completed('a:build', SUCCESS, 7),
      ...Array.from({ length: 500 }, (_, nth) =>
        completed(`n${nth}:build`, { kind: 'returned', reason: long }),
      ),
    ]);
    const own = ownWords(state, 'a1', said);
    expect(JSON.stringify(own).length).toBeLessThan(JSON.stringify(said).length / 20);
    const { events } = step(state, { type: 'agent.sync', agentId: 'a1', sync: said }, 2);
    const refused = events.filter(({ type }: HistoryEvent) => type === 'result.refused');
    expect(refused).toHaveLength(16);
    expect(holds(state, 'a2', { runId: 'r1', taskId: 'b:build', attempt: 1 })).toBe(true);
  });

  it('a failed server that the task does not need: its users continue', () => {
    const server = (id: string, needs: string[] = []) =>
      taskSpec(id, [], {
        initial: { state: 'server' },
        continuousDependencies: needs.map((each) => ({ id: each })),
      });
    const user = (id: string, needs: string) => taskSpec(id, [], { continuousDependencies: [{ id: needs }] });
    const state = session(
      runSpec('r1', [
        server('db:serve'),
        server('web:serve', ['db:serve']),
        server('other:serve'),
        user('a:e2e', 'web:serve'),
        user('b:e2e', 'other:serve'),
        user('c:e2e', 'other:serve'),
      ]),
    );
    const report = (taskId: string) => ({ taskId, failed: true, ended: 'It ended.', output: 'x' });
    const said = ['db:serve', 'web:serve', 'web:serve', 'other:serve', 'b:e2e'].map(report);
    const work = sync([completed('a:e2e', { ...SUCCESS, servers: said })]);
    const { events } = step(state, { type: 'agent.sync', agentId: 'a1', sync: work }, 2);
    const ended = events.flatMap((event) => (event.type === 'task.ended' ? [event.taskId] : []));
    expect(ended).toEqual(['a:e2e']);
    const own = ownWords(session(runSpec('r1', [])), 'a1', work);
    expect(own.work[0]?.phase).toMatchObject({ result: { reason: { code: 'DTE_NOT_HELD' } } });
  });

  it('a task that is not in the batch', () => {
    const batch = { batch: 'tsc' };
    const tasks = [taskSpec('a:build', [], batch), taskSpec('b:build', [], batch), taskSpec('c:build')];
    const state = session(runSpec('r1', tasks));
    const members = ['a:build', 'b:build', 'c:build', 'n:build'].map((taskId) => ({
      taskId,
      result: SUCCESS,
    }));
    const said = sync([completed('a:build', { kind: 'batch', members, log: '' })]);
    expect(ownWords(state, 'a1', said).work[0]?.phase).toMatchObject({
      result: { members: [{ taskId: 'a:build' }, { taskId: 'b:build' }] },
    });
  });

  it('all but the last of several reports about one attempt', () => {
    const state = session(two());
    const [early, last] = [completed('a:build', SUCCESS), completed('a:build', { ...SUCCESS, code: 1 })];
    expect(ownWords(state, 'a1', sync([early, last])).work).toEqual([last]);
  });
});
