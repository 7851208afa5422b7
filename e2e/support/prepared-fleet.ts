import {
  type Fleet,
  Pipeline,
  processTree,
  type RunningProcess,
  sampleCommand,
  type SampleProject,
  TcpProxy,
  waitFor,
} from '@org/dte-testing';
import { join } from 'node:path';
import { sampleFleet } from './sample-fleet';

/** Two tasks that agents run after each other. Each needs a file that the main job has already made, and waits for its gate. */
export type Pair = readonly [string, string];

const step = (name: string, more: Record<string, string | number> = {}, rest = ''): object => ({
  cache: true,
  command: `${sampleCommand(`${name}:step`, { until: name, needs: `dist/libs/${name}/base.txt`, writes: `dist/libs/${name}/step.txt`, ...more })}${rest}`,
  dependsOn: ['base'],
  outputs: ['{workspaceRoot}/dist/{projectRoot}/step.txt'],
});

export interface Started {
  readonly main: RunningProcess;
  /** The project whose task runs. */
  readonly runs: string;
  /** The other one. */
  readonly waits: string;
}

export const pairProject = (
  name: string,
  {
    more = {},
    rest = '',
    target = {},
  }: { more?: Record<string, string>; rest?: string; target?: object } = {},
): SampleProject => ({
  root: `libs/${name}`,
  targets: {
    base: {
      cache: true,
      command: sampleCommand(`${name}:base`, { writes: `dist/libs/${name}/base.txt` }),
      outputs: ['{workspaceRoot}/dist/{projectRoot}/base.txt'],
    },
    step: { ...step(name, more, rest), ...target },
  },
});

/** What agents do by themselves. */
const SOON_MS = 30_000;

/** What a step leaves if it had the right file of its dependency. */
export const stepText = (name: string): string => `${name}:step\n${name}:base\n`;

/**
 * A standalone coordinator that can be killed and started again, agents with one slot that reach it through a proxy, and a main job
 * whose cache has the dependencies of all tasks.
 */
export class PreparedFleet {
  private coordinator: RunningProcess | null = null;
  private port = '0';
  private main: RunningProcess | null = null;
  private agents = 0;
  private readonly behindProxy = new Set<string>();
  private release: () => void = () => undefined;

  private constructor(
    readonly fleet: Fleet,
    readonly pipeline: Pipeline,
    readonly proxy: TcpProxy,
    private readonly startServer: (port: string) => RunningProcess,
  ) {}

  static async open(projects: Record<string, SampleProject>): Promise<PreparedFleet> {
    const fleet = sampleFleet({ projects });
    const server = fleet.machine('server', { ci: false });
    const startServer = (port: string): RunningProcess =>
      server.startDte(['coordinator', `--port=${port}`, `--data-dir=${join(server.folder, 'data')}`], {
        env: { DTE_HEARTBEAT_MS: '300', DTE_AGENT_RETURN_MS: '10000' },
      });
    let port = 0;
    const proxy = await TcpProxy.open(() => port);
    const first = startServer('0');
    await first.waitForOutput(/coordinator on \S+:\d+/);
    port = Number(/coordinator on \S+:(\d+)/.exec(first.output())![1]);
    const pipeline = new Pipeline(fleet, fleet.machine('main'), {
      DTE_COORDINATOR_URL: `http://127.0.0.1:${port}`,
      DTE_HEARTBEAT_MS: '300',
      DTE_COORDINATOR_GRACE_MS: '60000',
      DTE_DRAIN_MS: '60000',
      // Only what the tests hold back is late here.
      DTE_SECOND_START: 'false',
    });
    const self = new PreparedFleet(fleet, pipeline, proxy, startServer);
    self.coordinator = first;
    self.port = String(port);
    await pipeline.startCiRun();
    return self;
  }

  /** Makes the dependencies of all pairs on the main job, where its cache has them for every command. */
  async makeBases(): Promise<void> {
    const { code, output } = await this.pipeline.main.nx(
      ['run-many', '-t', 'base', '--output-style=static'],
      {
        env: { CI: undefined, DTE_SESSION_ID: undefined, DTE_RENDEZVOUS_DIR: undefined },
      },
    );
    if (code !== 0) throw new Error(output);
    this.fleet.clearJournal();
  }

  /** @param direct not through the proxy. @returns the name */
  startAgent({ direct = false }: { direct?: boolean } = {}): string {
    const name = `agent-${++this.agents}`;
    if (!direct) this.behindProxy.add(name);
    this.pipeline.startAgent(name, {
      args: ['--slots=1'],
      env: direct ? {} : { DTE_COORDINATOR_URL: this.proxy.url },
    });
    return name;
  }

  processOf(name: string): RunningProcess {
    return this.pipeline.agent(name).process;
  }

  /** One agent behind the proxy, that of the test before if there is one; all others leave. */
  async onlyAgent(): Promise<string> {
    const kept = this.pipeline.agents.find(
      ({ name, process }) => process.running && this.behindProxy.has(name),
    );
    for (const job of this.pipeline.agents.splice(0)) {
      if (job === kept) this.pipeline.agents.push(job);
      else if (job.process.running) {
        job.process.signal('SIGTERM');
        await job.process.end();
      }
    }
    return kept?.name ?? this.startAgent();
  }

  /** Starts the command, and waits until the first of its tasks runs on the agent. */
  async started(agent: string, pair: Pair): Promise<Started> {
    this.main = this.pipeline.startNx([
      'run-many',
      '-t',
      'step',
      '-p',
      pair.join(),
      '--parallel=1',
      '--output-style=static',
    ]);
    const started = await waitFor(
      `a task on ${agent}`,
      () => this.fleet.journal().find((entry) => entry.machine === agent && entry.what === 'start'),
      { lastState: () => this.describe() },
    );
    const runs = started.id.split(':')[0]!;
    return { main: this.main, runs, waits: pair.find((name) => name !== runs)! };
  }

  /** The same, and until the second one is prepared there: its dependency was restored. */
  async prepared(agent: string, pair: Pair): Promise<Started> {
    const started = await this.started(agent, pair);
    const { machine, process } = this.pipeline.agent(agent);
    const file = `dist/libs/${started.waits}/base.txt`;
    await waitFor(`${started.waits} to be prepared`, () => machine.exists(file), {
      lastState: () => this.describe(),
    });
    await waitFor(`two executors of ${agent}`, () => executorsOf(process).length === 2, {
      lastState: () => this.describe(),
    });
    return started;
  }

  /** From now on, agents behind the proxy hear nothing and nobody hears them, until the returned function is called. */
  hold(): () => void {
    this.release = this.proxy.hold();
    return this.release;
  }

  /** Machines on which a step started, in order. */
  startsOf(name: string): string[] {
    return this.fleet
      .journal()
      .flatMap(({ id, what, machine }) => (what === 'start' && id === `${name}:step` ? [machine] : []));
  }

  async waitForStart(name: string, on: string): Promise<void> {
    await waitFor(`${name}:step on ${on}`, () => this.startsOf(name).includes(on), {
      deadlineMs: SOON_MS,
      lastState: () => this.describe(),
    });
  }

  async killCoordinator(): Promise<void> {
    this.coordinator!.signal('SIGKILL');
    await this.coordinator!.end();
  }

  async restartCoordinator(): Promise<void> {
    this.coordinator = this.startServer(this.port);
    await this.coordinator.waitForOutput(`:${this.port}`);
  }

  describe(): string {
    return `${this.main?.describe() ?? ''}\n${this.coordinator!.describe()}\n${this.pipeline.describe()}\n${JSON.stringify(this.fleet.journal())}`;
  }

  /** Nothing of a test that failed is left for the next one. */
  async settle(): Promise<void> {
    this.release();
    if (this.main?.running === true) {
      this.main.signalTree('SIGKILL');
      await this.killCoordinator();
      await this.restartCoordinator();
    }
    this.fleet.clearJournal();
  }

  async close(): Promise<void> {
    await this.pipeline.dte(['complete-ci-run']);
    this.coordinator!.signal('SIGTERM');
    await this.coordinator!.end();
    await this.proxy.close();
    expect(await this.fleet.close()).toEqual([]);
  }
}

/** The executor processes of an agent: its own children. */
export const executorsOf = ({ pid }: RunningProcess): number[] =>
  processTree(pid).flatMap((each) => (each.parentPid === pid ? [each.pid] : []));
