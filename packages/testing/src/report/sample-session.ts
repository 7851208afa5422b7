import type { AgentInfo, Measured } from '@org/dte-protocol';
import type { Miss, ReportEvent } from '@org/dte-report';
import { seededRandom, type SeededRandom } from '../simulation/seeded-random';
import { samplePlan, type SampleTask } from './sample-plan';

export interface SampleSession {
  readonly tasks: number;
  readonly agents: number;
  readonly slots?: number;
  readonly seed?: number;
  /** Shares of the tasks, from 0 to 1. */
  readonly cached?: number;
  readonly failing?: number;
  /** Ends here, in ms after the beginning: what runs then still runs. */
  readonly untilMs?: number;
}

/** When the samples begin. */
const BEGIN_MS = Date.UTC(2026, 10, 30, 9, 0, 0);
const JOIN_MS = 3_000; // between the first and the last agent, at most
const LOST_SHARE = 0.002; // of the attempts, lost with no fault of the task
const FLAKY_SHARE = 0.004; // of the tasks, failing once
const OUTPUT = `
> nx run %id%

\u001B[1m\u001B[31m FAIL \u001B[39m\u001B[22m src/order.spec.ts
  \u001B[1m● order › adds the price of shipping\u001B[22m

    expect(\u001B[31mreceived\u001B[39m).toBe(\u001B[32mexpected\u001B[39m)

    Expected: \u001B[32m1290\u001B[39m
    Received: \u001B[31m1240\u001B[39m

    \u001B[90m 41 |\u001B[39m   \u001B[36mconst\u001B[39m order = place(cart)\u001B[33m;\u001B[39m
    \u001B[31m\u001B[1m>\u001B[22m\u001B[39m\u001B[90m 42 |\u001B[39m   expect(order\u001B[33m.\u001B[39mtotal)\u001B[33m.\u001B[39mtoBe(\u001B[35m1290\u001B[39m)\u001B[33m;\u001B[39m
    \u001B[90m    |\u001B[39m                       \u001B[31m\u001B[1m^\u001B[22m\u001B[39m

\u001B[1mTests: \u001B[22m\u001B[31m1 failed\u001B[39m, \u001B[32m23 passed\u001B[39m, 24 total
Time:  4.21 s
`;

const MISSES: readonly Miss[] = [
  { kind: 'changed', text: 'changed files of the project', inputs: ['src/order.ts', 'src/price.ts'] },
  { kind: 'dependency', text: 'outputs of a dependency changed', inputs: ['build of money'] },
  { kind: 'changed', text: 'package-lock.json changed', inputs: ['external: typescript 5.9.2 → 5.9.3'] },
  { kind: 'new', text: 'no earlier run is known', inputs: [] },
];

const agentInfo = (index: number, slots: number): AgentInfo => ({
  agentId: `agent-${index + 1}`,
  name: `nx agent ${index + 1}/${slots}`,
  jobUrl: `https://gitlab.example.com/shop/web/-/jobs/${4_711_000 + index}`,
  slots,
  connected: true,
  draining: false,
  running: [],
  finished: 0,
});

interface Slot {
  readonly agent: AgentInfo;
  freeMs: number;
}

/** The events of a session that could have been: a workspace of apps and libraries on agents that take what is ready. */
export function sampleSession(options: SampleSession): ReportEvent[] {
  const events = new Story(options).tell();
  const { untilMs } = options;
  return untilMs === undefined ? events : events.filter(({ atMs }) => atMs <= BEGIN_MS + untilMs);
}

class Story {
  private readonly random: SeededRandom;
  private readonly events: ReportEvent[] = [];
  private readonly slots: Slot[];
  private readonly readyMs = new Map<string, number>();
  private readonly failed = new Set<string>();
  private seq = 0;

  constructor(private readonly options: SampleSession) {
    const { agents, slots = 2, seed = 1 } = options;
    this.random = seededRandom(seed);
    this.slots = Array.from({ length: agents }, (_, index) => {
      const agent = { ...agentInfo(index, slots), name: `nx agent ${index + 1}/${agents}` };
      const freeMs = BEGIN_MS + this.random.next() * JOIN_MS;
      return Array.from({ length: slots }, () => ({ agent, freeMs }));
    }).flat();
  }

  tell(): ReportEvent[] {
    const plan = samplePlan(this.options.tasks, this.random);
    this.begin(plan);
    for (const task of plan) this.task(task);
    const endMs = Math.max(BEGIN_MS, ...this.readyMs.values()) + 400;
    const ok = this.failed.size === 0;
    this.events.push({ type: 'run.ended', atMs: endMs, runId: 'run-1', ok });
    return this.events.sort((a, b) => a.atMs - b.atMs);
  }

  private begin(plan: readonly SampleTask[]): void {
    const atMs = BEGIN_MS;
    const pipeline = {
      url: 'https://gitlab.example.com/shop/web/-/pipelines/90210',
      ref: 'checkout-with-vouchers',
      commit: '5f2c9e41b7a0d3386e9a4c1f0d2b8e7a6c5d4f30',
    };
    this.events.push({ type: 'session', atMs, sessionId: 'shop-90210', pipeline });
    const agents = [...new Set(this.slots.map(({ agent }) => agent))];
    this.events.push({ type: 'agents', atMs, agents });
    const tasks = plan.map(({ ms: _, ...task }) => ({ ...task, configuration: null }));
    const command = 'nx affected -t lint,test,build,e2e-ci --parallel=2';
    this.events.push({ type: 'run', atMs, runId: 'run-1', command, parallel: 2, tasks });
  }

  private task(task: SampleTask): void {
    const { id, dependencies } = task;
    const begin = Math.max(BEGIN_MS + 900, ...dependencies.map((needed) => this.readyMs.get(needed) ?? 0));
    if (dependencies.some((needed) => this.failed.has(needed))) {
      this.failed.add(id);
      this.ended(id, begin, 'skipped', null);
      return;
    }
    if (this.random.next() < (this.options.cached ?? 0.3)) {
      this.readyMs.set(id, begin + 30);
      this.ended(id, begin + 30, 'success', this.random.next() < 0.8 ? 'remote' : 'local');
      return;
    }
    const miss = MISSES[Math.floor(this.random.next() ** 2 * MISSES.length)];
    if (miss !== undefined) this.events.push({ type: 'miss', atMs: begin, runId: 'run-1', taskId: id, miss });
    this.attempts(task, begin);
  }

  private attempts(task: SampleTask, begin: number): void {
    const { id } = task;
    let [readyMs, attempt] = [begin, 1];
    if (this.random.next() < LOST_SHARE)
      readyMs = this.attempt(task, readyMs, { attempt: attempt++, how: 'lost' });
    if (this.random.next() < FLAKY_SHARE)
      readyMs = this.attempt(task, readyMs, { attempt: attempt++, how: 'retried' });
    const fails = this.random.next() < (this.options.failing ?? 0.002);
    const how = fails ? 'failure' : 'success';
    readyMs = this.attempt(task, readyMs, { attempt, how });
    this.readyMs.set(id, readyMs);
    if (fails) this.failed.add(id);
    this.ended(id, readyMs + 60, how, null);
  }

  /** Takes the slot that is free first. @returns when it was over */
  private attempt({ id, ms }: SampleTask, begin: number, { attempt, how }: How): number {
    const slot = this.slotAt(begin);
    const { agentId, name, jobUrl } = slot.agent;
    const agent = { agentId, name, jobUrl };
    const atMs = Math.max(begin, slot.freeMs);
    const measured = this.measured(ms);
    const startMs = atMs + measured.queuedMs + measured.restoreMs;
    const endMs = startMs + measured.runMs;
    slot.freeMs = endMs + measured.storeMs + 15;
    const common = { seq: ++this.seq, taskId: id, attempt, agent };
    this.events.push({ type: 'entry', atMs, runId: 'run-1', entry: { ...common, type: 'started', atMs } });
    const status = how === 'success' ? ('success' as const) : ('failure' as const);
    const result = {
      kind: 'finished' as const,
      status,
      code: how === 'success' ? 0 : 1,
      fromCache: null,
      hash: null,
      artifact: { kind: 'none' as const },
      startMs,
      endMs,
      reason: null,
      hashDetails: null,
      measured,
    };
    const last = { ...common, seq: ++this.seq };
    const lost = { code: 'DTE_AGENT_LOST' as const, message: `${name} is gone.` };
    if (how === 'lost') this.events.push({ type: 'message', atMs: slot.freeMs, reason: lost });
    const again = { code: 'DTE_TASK_FAILED' as const, message: `${id} failed and is tried once more.` };
    this.events.push({
      type: 'entry',
      atMs: slot.freeMs,
      runId: 'run-1',
      entry:
        how === 'lost'
          ? { ...last, type: 'retried', reason: lost }
          : how === 'retried'
            ? { ...last, type: 'retried', reason: again, result }
            : { ...last, type: 'ended', status, result, reason: null },
    });
    return slot.freeMs;
  }

  /** Of the slots that are free, the one that was free last, so that few have gaps; else the first to be free. */
  private slotAt(atMs: number): Slot {
    const better = (a: Slot, b: Slot): boolean =>
      a.freeMs <= atMs && b.freeMs <= atMs ? a.freeMs > b.freeMs : a.freeMs < b.freeMs;
    return this.slots.reduce((best, one) => (better(one, best) ? one : best));
  }

  private measured(ms: number): Measured {
    const some = (most: number): number => Math.round(this.random.next() ** 2 * most);
    return {
      queuedMs: some(400),
      restoreMs: some(ms / 4),
      runMs: ms,
      storeMs: some(ms / 8),
      cpuMs: Math.round(ms * (0.5 + this.random.next())),
      peakMemoryBytes: 80_000_000 + some(900_000_000),
      restoredBytes: some(40_000_000),
      storedBytes: some(9_000_000),
    };
  }

  private ended(
    taskId: string,
    atMs: number,
    status: 'success' | 'failure' | 'skipped',
    from: 'local' | 'remote' | null,
  ): void {
    this.events.push({
      type: 'ended',
      atMs,
      runId: 'run-1',
      taskId,
      status,
      code: status === 'skipped' ? null : status === 'failure' ? 1 : 0,
      from,
      here: false,
      startMs: null,
      endMs: null,
      output: status === 'failure' ? OUTPUT.replace('%id%', taskId) : null,
    });
  }
}

interface How {
  readonly attempt: number;
  readonly how: 'success' | 'failure' | 'retried' | 'lost';
}
