import { EventEmitter } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Assignment, type AttemptResult, type LimitValues } from '@org/dte-protocol';
import {
  isRunning,
  waitFor,
  FakeCoordinator,
  runOfTasks,
  exampleClaims,
  testLimits,
  tempFolders,
} from '@org/dte-testing';
import { type AgentOptions, runAgent } from '../src/supervisor/run-agent';

const folder = tempFolders();

/** One agent in this process, with its executors in others. */
export class TestAgent {
  output = '';
  exitCode: number | null = null;
  readonly signals = new EventEmitter();
  readonly workspace = folder();
  /** Those that the agent reads; a change applies to every wait that begins later. */
  readonly limits: { -readonly [name in keyof LimitValues]: LimitValues[name] };
  readonly ended: Promise<number>;

  constructor(url: string | null, change: Partial<AgentOptions> = {}, limits: Partial<LimitValues> = {}) {
    this.limits = testLimits({ prefetchedTasks: 0, ...limits });
    this.ended = runAgent({
      workspaceRoot: this.workspace,
      dataDir: join(this.workspace, 'data'),
      sessionId: 'session',
      name: 'agent-x',
      identity: exampleClaims.identity,
      limits: this.limits,
      signals: this.signals,
      env: { PATH: process.env['PATH'], DTE_SECRET: 'never for tasks', DTE_ID_TOKEN: 'nor.this.one' },
      rendezvous: {
        isAddressGiven: false,
        report: () => Promise.resolve(),
        find: async () =>
          url === null
            ? null
            : { version: 1, sessionId: 'session', url, generation: 'g', expiresAtMs: Number.MAX_VALUE },
      },
      stdout: { write: (text) => void (this.output += text) },
      executorPath: join(__dirname, 'fake-executor.cjs'),
      ...change,
    }).then((code) => (this.exitCode = code));
  }

  executors(): string[] {
    const path = join(this.workspace, 'executors.log');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : [];
  }

  pids(kind: 'start' | 'child' | 'server'): number[] {
    return this.executors()
      .filter((line) => line.startsWith(kind))
      .map((line) => Number(line.split(' ')[1]));
  }

  waitFor(what: string, condition: () => unknown): Promise<unknown> {
    return waitFor(what, condition, {
      deadlineMs: 20_000,
      lastState: () => `${this.output}\n${this.executors().join('\n')}`,
    });
  }
}

/** A coordinator and an agent for each test of a file; both are cleaned up. */
export class AgentBench {
  private running: { readonly server: FakeCoordinator; agent: TestAgent | null } | null = null;

  constructor() {
    beforeEach(async () => {
      this.running = { server: await FakeCoordinator.start(), agent: null };
      this.server.runs.set('run-1', runOfTasks(['a:build']));
    });
    afterEach(async () => {
      const agent = this.running?.agent ?? null;
      if (agent !== null) await expectGone(agent);
      await this.server.close();
      this.running = null;
    });
  }

  get server(): FakeCoordinator {
    if (this.running === null) throw new Error('No test runs.');
    return this.running.server;
  }

  /** The most recent one. */
  get agent(): TestAgent {
    const agent = this.running?.agent ?? null;
    if (agent === null) throw new Error('No agent was started.');
    return agent;
  }

  start(change: Partial<AgentOptions> = {}, limits: Partial<LimitValues> = {}): TestAgent {
    return this.startAt(this.server.url, change, limits);
  }

  /** @param url null: no coordinator can be found */
  startAt(
    url: string | null,
    change: Partial<AgentOptions> = {},
    limits: Partial<LimitValues> = {},
  ): TestAgent {
    if (this.running === null) throw new Error('No test runs.');
    return (this.running.agent = new TestAgent(url, change, limits));
  }

  /** The result that the agent reported for an attempt, when it has. */
  async resultOf(wanted: Assignment, deadlineMs = 20_000): Promise<AttemptResult> {
    const find = () =>
      this.server.syncs
        .flatMap(({ work }) => work)
        .find(
          (work) =>
            work.taskId === wanted.taskId &&
            work.attempt === wanted.attempt &&
            work.phase.name === 'completed',
        );
    const work = await waitFor(`the result of ${wanted.taskId}`, find, {
      deadlineMs,
      lastState: () => `${this.running?.agent?.output ?? ''}\n${JSON.stringify(this.server.lastSync)}`,
    });
    if (work.phase.name !== 'completed') throw new Error('not completed');
    return work.phase.result;
  }

  executing(taskId: string): Promise<unknown> {
    return this.server.waitForSync(`${taskId} to execute`, ({ work }) =>
      work.some((each) => each.taskId === taskId && each.phase.name === 'executing'),
    );
  }
}

async function expectGone(agent: TestAgent): Promise<void> {
  agent.signals.emit('SIGTERM');
  agent.signals.emit('SIGTERM');
  await agent.ended;
  expect(agent.pids('start').concat(agent.pids('child')).filter(isRunning)).toEqual([]);
  expect(agent.signals.eventNames()).toEqual([]);
  const data = join(agent.workspace, 'data');
  expect(existsSync(data) && existsSync(join(data, 'agent'))).toBe(false);
}
