import { type AgentSync, DteError, LIMITS } from '@org/dte-protocol';
import { type Effects, holds, type Input } from '@org/dte-scheduler';
import { runSpec, taskSpec } from '@org/dte-testing';
import type { Journal, JournalEntry } from '../journal/journal';
import { SessionDriver } from './driver';
import { CONFIG } from './test-support/config';

/** A journal whose writes end when the test lets them. */
class HeldJournal implements Journal {
  readonly header = { version: 1, sessionId: 's1', config: CONFIG } as const;
  readonly size = { snapshot: 0, tail: 0 };
  readonly written: JournalEntry[][] = [];
  private waiting: (() => void)[] = [];

  snapshot(): Promise<null> {
    return Promise.resolve(null);
  }
  compact(): Promise<void> {
    throw new Error('not used');
  }
  secure(): Promise<void> {
    throw new Error('not used');
  }
  replay(): AsyncIterable<JournalEntry> {
    throw new Error('not used');
  }
  append(entries: readonly JournalEntry[]): Promise<void> {
    this.written.push([...entries]);
    return new Promise((resolve) => this.waiting.push(resolve));
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
  async release(): Promise<void> {
    while (this.waiting.length > 0) {
      for (const resolve of this.waiting.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

const sync = (seq: number): AgentSync => ({ type: 'agent.sync', seq, slots: 1, draining: false, work: [] });
const agentSync = (agentId: string, seq: number): Input => ({ type: 'agent.sync', agentId, sync: sync(seq) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('SessionDriver', () => {
  let journal: HeldJournal;
  let driver: SessionDriver;
  let performed: Effects[][];
  let failure: DteError | null;
  let nowMs: number;

  beforeEach(() => {
    journal = new HeldJournal();
    performed = [];
    failure = null;
    nowMs = 1_000;
    driver = new SessionDriver({
      journal,
      sessionId: 's1',
      now: () => nowMs,
      retryMs: 0,
      onDelayed: () => undefined,
      onWritten: () => undefined,
      perform: (effects) => performed.push([...effects]),
      settle: () => Promise.resolve(),
      onFailed: (error) => (failure = error),
    });
  });
  afterEach(async () => {
    const closing = driver.close();
    await journal.release();
    await closing;
  });

  it('has no effects before the input is written', async () => {
    driver.push({ type: 'tick' });
    await turn();
    expect(journal.written).toHaveLength(1);
    expect(performed).toEqual([]);
    await journal.release();
    expect(performed).toHaveLength(1);
  });

  it('writes everything that arrived during a write together, in order', async () => {
    driver.push({ type: 'tick' });
    await turn();
    driver.push({ type: 'main.connected' });
    driver.push({ type: 'tick' });
    driver.push({ type: 'main.left' });
    await journal.release();
    expect(journal.written.map((group) => group.map(({ input }) => input.type))).toEqual([
      ['tick'],
      ['main.connected', 'tick', 'main.left'],
    ]);
  });

  it('replaces a queued sync only by the next one of the same agent', async () => {
    driver.push({ type: 'tick' });
    await turn();
    for (const input of [agentSync('a', 1), agentSync('b', 1), agentSync('a', 2)]) driver.push(input);
    await journal.release();
    expect(journal.written[1]).toMatchObject([
      { input: { agentId: 'a', sync: { seq: 2 } } },
      { input: { agentId: 'b', sync: { seq: 1 } } },
    ]);
  });

  it('does not move a sync across a disconnection of its agent', async () => {
    driver.push({ type: 'tick' });
    await turn();
    driver.push(agentSync('a', 1));
    driver.push({ type: 'agent.disconnected', agentId: 'a' });
    driver.push(agentSync('a', 2));
    await journal.release();
    expect(journal.written[1]?.map(({ input }) => input.type)).toEqual([
      'agent.sync',
      'agent.disconnected',
      'agent.sync',
    ]);
  });

  it('writes nothing of an hour in which 1,000 agents wait for work', async () => {
    const names = Array.from({ length: 1_000 }, (_, nth) => `a${nth}`);
    const pass = async (): Promise<void> => {
      await turn();
      await journal.release();
      await turn();
    };
    driver.push({ type: 'main.connected' });
    for (const name of names) {
      driver.push({
        type: 'agent.joined',
        agent: { agentId: name, name, jobUrl: null, slots: 1, labels: [] },
      });
      driver.push(agentSync(name, 1));
    }
    await pass();
    // Whoever is there is told who has come, once.
    nowMs += LIMITS.sessionInfoMs.value;
    driver.push({ type: 'tick' });
    await pass();
    const written = journal.written.length;
    const { wakeAtMs } = driver.state;
    for (let beat = 0; beat < 3_600_000 / LIMITS.heartbeatMs.value; beat++) {
      nowMs += LIMITS.heartbeatMs.value;
      for (const name of names) driver.push(agentSync(name, beat + 2));
      await pass();
    }
    expect(journal.written).toHaveLength(written);
    expect(wakeAtMs).toBeNull();
  }, 60_000);

  it('leaves a clock that runs back to the scheduler', async () => {
    driver.push({ type: 'tick' });
    await journal.release();
    await turn();
    nowMs = 500;
    driver.push({ type: 'tick' });
    await turn();
    await journal.release();
    expect(journal.written.flat().map(({ atMs }) => atMs)).toEqual([1_000, 500]);
  });

  it('fails permanently if the journal cannot be written, and tells every waiting caller', async () => {
    journal.append = () => Promise.reject(new DteError('DTE_DISK_FULL', 'full'));
    nowMs = 2_000;
    await expect(driver.apply({ type: 'tick' })).rejects.toMatchObject({ code: 'DTE_DISK_FULL' });
    expect(failure).toMatchObject({ code: 'DTE_DISK_FULL' });
    await expect(driver.apply({ type: 'tick' })).rejects.toMatchObject({ code: 'DTE_DISK_FULL' });
    expect(performed).toEqual([]);
  });

  describe('with an agent at work', () => {
    const agent = { agentId: 'a', name: 'a', jobUrl: null, slots: 1, labels: [] };
    const attempt = { runId: 'r1', taskId: 'app:build', attempt: 1 };
    const atWork = (seq: number): Input => ({
      type: 'agent.sync',
      agentId: 'a',
      sync: { ...sync(seq), work: [{ ...attempt, phase: { name: 'executing', startMs: 1 } }] },
    });
    const typesOf = (entries: readonly JournalEntry[]): string[] => entries.map(({ input }) => input.type);
    const say = async (input: Input): Promise<void> => {
      driver.push(input);
      await turn();
      await journal.release();
    };

    beforeEach(async () => {
      await say({ type: 'run.submit', spec: runSpec('r1', [taskSpec('app:build')]) });
      await say({ type: 'main.connected' });
      await say({ type: 'main.sync', sync: { type: 'main.sync', runId: 'r1', ackSeq: 0, want: 'follow' } });
      await say({ type: 'agent.joined', agent });
      await say(atWork(1));
      journal.written.length = 0;
    });

    it('writes nothing for an hour of heartbeats except when leases would expire', async () => {
      const bytes = (): number => JSON.stringify(journal.written).length;
      for (let beat = 0; beat < 3_600_000 / LIMITS.heartbeatMs.value; beat++) {
        nowMs += LIMITS.heartbeatMs.value;
        driver.push(atWork(beat + 2));
        if (beat % 5 === 4) driver.push({ type: 'tick' });
        await turn();
        await journal.release();
      }
      expect(holds(driver.state, 'a', attempt)).toBe(true);
      expect(new Set(journal.written.map((group) => typesOf(group).join()))).toEqual(
        new Set(['agents.heard,tick']),
      );
      expect(bytes()).toBeLessThan(30_000);
    }, 60_000);

    it('writes the last heartbeats before the next input', async () => {
      nowMs += 29_000;
      await say(atWork(2));
      expect(journal.written).toEqual([]);
      nowMs += 2_000;
      await say({ type: 'main.left' });
      expect(journal.written.flat()).toEqual([
        { atMs: nowMs, input: { type: 'agents.heard', agoMs: { a: 2_000 } } },
        { atMs: nowMs, input: { type: 'main.left' } },
      ]);
      expect(holds(driver.state, 'a', attempt)).toBe(true);
    });

    it("judges a sync after its agent's earlier input was applied", async () => {
      driver.push({ type: 'agent.disconnected', agentId: 'a' });
      driver.push(atWork(2));
      await turn();
      await journal.release();
      expect(typesOf(journal.written.flat())).toEqual(['agent.disconnected', 'agent.sync']);
    });

    it('does not write a result for an attempt that its agent does not hold', async () => {
      const reason = { code: 'DTE_INTERNAL', message: 'x'.repeat(16_000) } as const;
      const phase = { name: 'completed', result: { kind: 'returned', reason } } as const;
      const work = Array.from({ length: 500 }, (_, nth) => ({ ...attempt, taskId: `n${nth}:build`, phase }));
      await say({ type: 'agent.sync', agentId: 'a', sync: { ...sync(2), work } });
      expect(JSON.stringify(journal.written).length).toBeLessThan(5_000);
    });
  });
});
