import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../net';
import { RecordedCommand } from '../parity';
import {
  type ProcessExit,
  type ProcessInfo,
  processesBelow,
  type RunningProcess,
  signalProcess,
} from '../process';
import type { Fleet, JournalEntry, Machine } from '../workspace';
import { AddressCopy } from './address-copy';
import { type ChaosLink, ChaosLinks } from './links';
import { type Accepted, acceptedIn } from './observe';
import type { RunPlan } from './plan';
import { SmallDisk } from './small-disk';
import { CHAOS_COMMAND } from './workspace';

/** One agent job. */
export interface AgentSeat {
  readonly name: string;
  readonly machine: Machine;
  readonly link: ChaosLink;
  readonly disk: SmallDisk | null;
  readonly process: RunningProcess;
}

/** One try of the main job. */
export interface MainSeat {
  readonly machine: Machine;
  readonly link: ChaosLink;
  /** What holds its `dist` folder. */
  readonly disk: SmallDisk | null;
  command: RecordedCommand | null;
}

const SHORT_WAITS = {
  DTE_HEARTBEAT_MS: '1000',
  DTE_LEASE_MS: '8000',
  DTE_AGENT_RETURN_MS: '4000',
  DTE_COORDINATOR_GRACE_MS: '15000',
  DTE_AGENT_WAIT_MS: '20000',
  DTE_DRAIN_MS: '5000',
  DTE_EXECUTOR_FROZEN_MS: '5000',
};
/** Of no interest, and long. */
const ALWAYS = { DTE_LOG_LEVEL: 'debug', DTE_EMBEDDED_LINGER_MS: '1000' };

/** How long `start-ci-run` and the like may take, on any machine. */
const COMMAND_MS = 300_000;

/** The processes of one run: a main job, its agents and a coordinator, each on a link of its own. */
export class ChaosSite {
  readonly agents: AgentSeat[] = [];
  readonly mains: MainSeat[] = [];
  /** Processes of a standalone coordinator, the last one is the current one. */
  readonly coordinators: RunningProcess[] = [];
  readonly disks: SmallDisk[] = [];
  /** Holds the data of the coordinator. */
  coordinatorDisk: SmallDisk | null = null;
  readonly links = new ChaosLinks();
  private readonly copies: AddressCopy[] = [];
  private closing: Promise<ProcessInfo[]> | null = null;
  private server: { readonly machine: Machine; readonly port: number } | null = null;

  constructor(
    readonly fleet: Fleet,
    readonly plan: RunPlan,
    /** May a file system be mounted? */
    private readonly canMount: boolean,
  ) {}

  private get env(): Record<string, string> {
    return { ...ALWAYS, ...(this.plan.waits === 'short' ? SHORT_WAITS : {}) };
  }

  private has(kind: string): boolean {
    return this.canMount && this.plan.faults.some((fault) => fault.kind === kind);
  }

  private mount(folder: string): SmallDisk {
    const disk = SmallDisk.mount(folder);
    this.disks.push(disk);
    return disk;
  }

  /** The current try. */
  get main(): MainSeat {
    const main = this.mains.at(-1);
    if (main === undefined) throw new Error('There is no main job yet.');
    return main;
  }

  /** Starts everything but the command: a standalone coordinator, the session, the agents. */
  async open(): Promise<void> {
    if (this.plan.mode === 'standalone') {
      this.server = { machine: this.fleet.machine('server', { ci: false }), port: await freePort() };
      if (this.has('disk-full coordinator'))
        this.coordinatorDisk = this.mount(join(this.server.machine.folder, 'disk'));
      await this.startCoordinator();
    }
    await this.beginMain();
    for (let index = 0; index < this.plan.agents; index++) await this.startAgent(index);
  }

  /** Of a standalone coordinator. */
  async startCoordinator(): Promise<void> {
    const { machine, port } = this.server!;
    const data = join(this.coordinatorDisk?.folder ?? machine.folder, 'data');
    const process = machine.startDte(['coordinator', '--port', String(port), '--data-dir', data], {
      env: this.env,
    });
    this.coordinators.push(process);
    await process.waitForOutput('dte: coordinator on', { deadlineMs: COMMAND_MS });
  }

  /** A first or another try of the main job, with a clone of its own, up to its nx command. */
  async beginMain(): Promise<void> {
    const name = this.mains.length === 0 ? 'main' : `main-${this.mains.length + 1}`;
    const link = await this.links.open();
    const port = this.server?.port ?? (await freePort());
    this.links.leadTo(port);
    const folder = join(this.fleet.folder, name);
    const isFirst = this.mains.length === 0;
    const ownsDisk = isFirst && this.server === null && this.has('disk-full coordinator');
    const own: Record<string, string> =
      this.server === null
        ? { DTE_PORT: String(port), DTE_ADVERTISED_URL: link.url }
        : { DTE_COORDINATOR_URL: link.url };
    const machine = this.fleet.machine(name, {
      env: {
        ...this.env,
        ...own,
        CI_JOB_NAME: 'main',
        ...(ownsDisk ? { DTE_DATA_DIR: join(folder, 'disk', 'data') } : {}),
      },
    });
    if (ownsDisk) this.coordinatorDisk = this.mount(join(folder, 'disk'));
    const disk = isFirst && this.has('disk-full main') ? this.mount(join(machine.workspace, 'dist')) : null;
    this.mains.push({ machine, link, disk, command: null });
    const exit = await machine.dte(['start-ci-run', '--distribute-on=manual'], {
      name: 'start-ci-run',
      deadlineMs: COMMAND_MS,
    });
    // A second try is told that nobody is there when the coordinator is gone, and runs its command all the same.
    if (exit.code !== 0 && isFirst)
      throw new Error(`start-ci-run ended with ${String(exit.code)}:\n${exit.output}`);
  }

  /** The nx command of the current try. */
  startCommand(): RunningProcess {
    const { main } = this;
    main.command = RecordedCommand.start(main.machine, CHAOS_COMMAND, { name: main.machine.name });
    return main.command.process;
  }

  private async startAgent(index: number): Promise<void> {
    const name = `agent-${index + 1}`;
    const folder = join(this.fleet.folder, name);
    const link = await this.links.open();
    const hasDisk = this.has('disk-full agent') && this.plan.faults.some(({ agent }) => agent === index);
    const rendezvous = join(this.fleet.folder, `rendezvous-${name}`);
    const disk = join(folder, 'disk');
    const machine = this.fleet.machine(name, {
      env: {
        ...this.env,
        ...(this.server === null ? { DTE_RENDEZVOUS_DIR: rendezvous } : { DTE_COORDINATOR_URL: link.url }),
        ...(hasDisk ? { TMPDIR: join(disk, 't'), NX_CACHE_DIRECTORY: join(disk, 'nx-cache') } : {}),
      },
    });
    const mounted = hasDisk ? this.mount(disk) : null;
    if (hasDisk) mkdirSync(join(disk, 't'));
    if (this.server === null) {
      const { sessionEnv } = this.fleet;
      this.copies.push(
        new AddressCopy({
          from: sessionEnv['DTE_RENDEZVOUS_DIR']!,
          folder: rendezvous,
          sessionId: sessionEnv['DTE_SESSION_ID']!,
          url: link.url,
        }),
      );
    }
    const process = machine.startDte(['start-agent'], { name });
    this.agents.push({ name, machine, link, disk: mounted, process });
  }

  /** The coordinator as it runs now; null when there is none. */
  coordinatorPid(): number | null {
    const standalone = this.coordinators.at(-1);
    if (standalone !== undefined) return standalone.running ? standalone.pid : null;
    return processesBelow(this.main.machine.folder).find(isCoordinator)?.pid ?? null;
  }

  /** The data folders of all coordinators. */
  dataFolders(): string[] {
    const disk = this.coordinatorDisk === null ? [] : [join(this.coordinatorDisk.folder, 'data')];
    const own = this.server === null ? this.mains.map(({ machine }) => machine.path('.nx', 'dte')) : [];
    const standalone = this.server === null ? [] : [join(this.server.machine.folder, 'data')];
    return [...disk, ...own, ...standalone].filter(existsSync);
  }

  /** What all coordinators of this run have written to their logs. */
  coordinatorLog(): string {
    const embedded = this.dataFolders()
      .map((folder) => join(folder, 'coordinator.log'))
      .filter(existsSync)
      .map((path) => readFileSync(path, 'utf8'));
    return [...this.coordinators.map((process) => process.output()), ...embedded].join('\n');
  }

  accepted(): Accepted[] {
    return acceptedIn(this.coordinatorLog());
  }

  journal(): JournalEntry[] {
    return this.fleet.journal();
  }

  /** The last step of the main job. */
  async complete(): Promise<ProcessExit> {
    return await this.main.machine.dte(['complete-ci-run'], {
      name: 'complete-ci-run',
      deadlineMs: COMMAND_MS,
    });
  }

  /** Name -> what it printed. */
  logs(): Record<string, string> {
    return {
      ...Object.fromEntries(this.agents.map(({ name, process }) => [name, process.output()])),
      ...Object.fromEntries(
        this.mains.map(({ machine, command }) => [machine.name, command?.process.output() ?? '']),
      ),
      coordinator: this.coordinatorLog(),
      journal: this.journal()
        .map((entry) => JSON.stringify(entry))
        .join('\n'),
    };
  }

  /** Ends everything, once. @returns what nobody had waited for */
  close(): Promise<ProcessInfo[]> {
    return (this.closing ??= this.end());
  }

  private async end(): Promise<ProcessInfo[]> {
    for (const copy of this.copies) copy.close();
    for (const disk of this.disks) disk.makeRoom();
    await this.links.close();
    const left = this.fleet.runningProcesses();
    // Frozen processes take no other signal.
    for (const { pid } of left) signalProcess(pid, 'SIGKILL');
    for (const disk of this.disks) disk.unmount();
    await this.fleet.close();
    return left;
  }
}

export const isCoordinator = ({ command }: ProcessInfo): boolean => / coordinator( |$)/.test(command);
