import type { RunLogEntry, RunUpdate } from '@org/dte-protocol';
import { endedEntry } from '../test-support/run-log';
import { RunFollower } from './run-follower';

const summary = { total: 3, done: 0, running: 0, agents: 1, slots: 1, oldestRunning: null };
const update = (fromSeq: number, seqs: number[], state: RunUpdate['state'] = 'running'): RunUpdate => ({
  type: 'run.update',
  runId: 'r',
  fromSeq,
  entries: seqs.map((seq) => endedEntry(seq)),
  state,
  summary,
});
const seqsOf = (news: { entries: readonly RunLogEntry[] }): number[] => news.entries.map(({ seq }) => seq);

describe('RunFollower', () => {
  it('returns each entry once when updates overlap or arrive twice', () => {
    const follower = new RunFollower(9);
    expect(seqsOf(follower.take(update(0, [1, 2])))).toEqual([1, 2]);
    expect(seqsOf(follower.take(update(0, [1, 2])))).toEqual([]);
    expect(seqsOf(follower.take(update(1, [2, 3])))).toEqual([3]);
    expect(follower.ackSeq).toBe(3);
  });

  it('asks again when entries are missing, and accepts none out of order', () => {
    const follower = new RunFollower(9);
    expect(follower.take(update(4, [5]))).toMatchObject({ entries: [], gap: true, over: false });
    expect(follower.ackSeq).toBe(0);
  });

  it('ends when every task has ended, and not when only the state indicates it', () => {
    const follower = new RunFollower(3);
    expect(follower.take(update(0, [1, 2], 'finished')).over).toBe(false);
    expect(follower.take(update(2, [3], 'finished')).over).toBe(true);
  });

  it('ends when a run that has ended has no more entries', () => {
    const follower = new RunFollower(3);
    follower.take(update(0, [1]));
    expect(follower.take(update(1, [], 'cancelled')).over).toBe(true);
  });
});
