import { DteError, type EndedEntry, type FinishedAttempt, type RunLogEntry } from '@org/dte-protocol';
import { Retries } from './retries';
import { endedEntry, finishedAttempt } from '../test-support/run-log';
import { graphOf } from '../test-support/tasks';

const agent = (name: string) => ({ agentId: name, name, jobUrl: null });
const finished = (status: 'success' | 'failure', hash = '1'): FinishedAttempt =>
  finishedAttempt({ status, code: status === 'success' ? 0 : 1, hash, artifact: { kind: 'none' } });
const failed = (attempt: number, on: string, hash = '1', taskId = 'app:e2e'): RunLogEntry => ({
  seq: attempt,
  type: 'retried',
  taskId,
  attempt,
  agent: agent(on),
  result: finished('failure', hash),
  reason: { code: 'DTE_TASK_FAILED', message: `${taskId} failed on ${on} and is retried.` },
});
const lost = (code: 'DTE_LEASE_EXPIRED' | 'DTE_AGENT_LEFT'): RunLogEntry => ({
  seq: 1,
  type: 'retried',
  taskId: 'lib:build',
  attempt: 1,
  agent: agent('a1'),
  reason: { code, message: 'Gone.' },
});
const ended = (status: EndedEntry['status'], on: string, hash = '1', attempt = 9): RunLogEntry =>
  endedEntry(9, {
    taskId: 'app:e2e',
    status,
    attempt,
    agent: agent(on),
    result: status === 'success' || status === 'failure' ? finished(status, hash) : null,
  });

async function heard(
  entries: RunLogEntry[],
  { keep = () => Promise.resolve('one\n\ntwo\n'), streams = false, cache = true, verbose = false } = {},
) {
  const said: string[] = [];
  const retries = new Retries({
    graph: graphOf({ 'app:e2e': [], 'lib:build': [] }, {}, { 'app:e2e': { cache } }),
    voice: { line: (text) => void said.push(text), explain: () => undefined },
    verbose,
    streams: () => streams,
    keeper: {
      folder: '.nx/dte/attempts/r1',
      keep: async (taskId, attempt) => ({ terminalOutput: await keep(), path: `kept/${taskId}/${attempt}` }),
    },
  });
  for (const entry of entries) retries.onEntry(entry);
  await retries.idle();
  return { said, lines: retries.lines(), count: retries.count };
}

describe('Retries', () => {
  it('prints for a failed attempt why it is not the last, where its output is, and how the output ends', async () => {
    const { said } = await heard([failed(1, 'a1')]);
    expect(said).toEqual([
      'dte: app:e2e failed on a1 and is retried. Its output: kept/app:e2e/1\n  | one\n  | two',
    ]);
  });

  it('adds why a task failed that dte stopped', async () => {
    const entry = failed(1, 'a1');
    if (entry.type !== 'retried' || entry.result?.kind !== 'finished') throw new Error('unreachable');
    entry.result.reason = { code: 'DTE_TASK_TIMEOUT', message: 'app:e2e ran for longer than 5 ms.' };
    const { said } = await heard([entry], { streams: true });
    expect(said[0]).toMatch(/\n {2}\| app:e2e ran for longer than 5 ms\.$/);
  });

  it('does not show again what was on the terminal while it ran', async () => {
    const { said } = await heard([failed(1, 'a1')], { streams: true });
    expect(said).toEqual(['dte: app:e2e failed on a1 and is retried. Its output: kept/app:e2e/1']);
  });

  it('shows the last lines of a long output', async () => {
    const long = Array.from({ length: 500 }, (_, index) => `line ${index + 1}`).join('\n');
    const { said } = await heard([failed(1, 'a1')], { keep: () => Promise.resolve(long) });
    expect(said[0]!.split('\n').slice(1)).toHaveLength(20);
    expect(said[0]).toMatch(/\| line 481\n.*\| line 500$/s);
  });

  it('continues when an output cannot be downloaded', async () => {
    const keep = () => Promise.reject(new DteError('DTE_ARTIFACT_MISSING', 'It is gone.'));
    const { said, lines } = await heard([failed(1, 'a1'), ended('success', 'a2')], { keep });
    expect(said).toEqual([expect.stringContaining('could not be fetched: It is gone.')]);
    expect(lines).toEqual(['dte: app:e2e passed on a2 after failing on a1: it is flaky (same hash)']);
  });

  it('lists at the end what passed and what failed after retries', async () => {
    expect((await heard([failed(1, 'a1'), failed(2, 'a2'), ended('failure', 'a1')])).lines).toEqual([
      'dte: app:e2e failed in all 3 attempts: a1, a2, a1',
      'dte: output and files of failed attempts are in .nx/dte/attempts/r1',
    ]);
    expect((await heard([failed(1, 'a1'), ended('failure', 'a1', '1', 1)])).lines[0]).toBe(
      'dte: app:e2e failed on a1, and no more tasks were started',
    );
    expect((await heard([failed(1, 'a1'), ended('returned', 'a2')])).lines[0]).toBe(
      'dte: app:e2e failed on a1 and finished on no agent',
    );
  });

  it('reports nothing as flaky that had another hash, or whose hash is not meaningful', async () => {
    const passed = 'dte: app:e2e passed on a2 after failing on a1';
    expect((await heard([failed(1, 'a1', '1'), ended('success', 'a2', '2')])).lines[0]).toBe(passed);
    expect((await heard([failed(1, 'a1'), ended('success', 'a2')], { cache: false })).lines[0]).toBe(passed);
  });

  it('counts lost attempts by reason, and names each with the verbose option', async () => {
    const entries = [lost('DTE_LEASE_EXPIRED'), lost('DTE_AGENT_LEFT'), lost('DTE_LEASE_EXPIRED')];
    const { said, lines, count } = await heard(entries);
    expect([said, count]).toEqual([[], 3]);
    expect(lines).toEqual(['dte: 3 attempts were lost and retried: DTE_LEASE_EXPIRED (2), DTE_AGENT_LEFT']);
    expect((await heard(entries, { verbose: true })).said).toHaveLength(3);
  });

  it('says in one line which of two attempts at the same time had the first result, and counts neither as lost', async () => {
    const message =
      'app:e2e ran for longer than usual on a1, was started a second time on a2, which was first.';
    const outrun: RunLogEntry = {
      seq: 1,
      type: 'retried',
      taskId: 'app:e2e',
      attempt: 1,
      agent: agent('a1'),
      reason: { code: 'DTE_SECOND_START', message },
    };
    const said = { said: [`dte: ${message}`], lines: [], count: 0 };
    expect(await heard([outrun, ended('success', 'a2')])).toEqual(said);
    expect(await heard([outrun, ended('failure', 'a2')])).toEqual(said);
  });

  it('prints nothing when nothing was retried', async () => {
    expect(await heard([ended('success', 'a1')])).toEqual({ said: [], lines: [], count: 0 });
  });
});
