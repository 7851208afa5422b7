import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processesBelow, processTree, signalProcess } from '../process';
import type { JournalEntry } from '../workspace';
import { runningTasks } from './observe';
import type { Fault, FaultKind } from './plan';
import type { AgentSeat, ChaosSite } from './site';
import { CHAOS_TASKS } from './workspace';

/** A fault that was made. */
export interface Injection {
  readonly kind: FaultKind;
  readonly atMs: number;
  /** Tasks that it concerned: those that ran at its victim, or all that had no result yet. */
  readonly disturbed: readonly string[];
  /** The agent that it was made at, or whose executor, task or link. */
  readonly agent: string | null;
  /** The job that it ended, if it did: nobody there could clean up. */
  readonly killedMachine: string | null;
  /** The process of a task that it ended. */
  readonly killedTask: JournalEntry | null;
  /** Ends what lasts. Null: nothing does. */
  readonly undo: (() => void) | null;
  /** What goes on by itself; it settles before the run is judged. */
  readonly going: Promise<void> | null;
}

type Made = Partial<
  Pick<Injection, 'disturbed' | 'agent' | 'killedMachine' | 'killedTask' | 'undo' | 'going'>
>;

interface Victim {
  readonly pids: readonly number[];
  readonly disturbed?: readonly string[];
  readonly agent?: string;
  readonly killedMachine?: string;
  readonly killedTask?: JournalEntry;
}

/** Rate of a slow link. Not configurable: the fault is defined by it. */
const SLOW_BYTES_PER_SECOND = 50_000;
const SIGNALS = { kill: 'SIGKILL', term: 'SIGTERM', freeze: 'SIGSTOP' } as const;

const pidsBelow = (folder: string): number[] => processesBelow(folder).map(({ pid }) => pid);

/** Makes faults at the processes, links and disks of one run. */
export class Injector {
  /** Of the last fault: right before it, because to look for its victim takes its time on a busy machine. */
  private madeAtMs = 0;

  constructor(private readonly site: ChaosSite) {}

  /**
   * @param trigger the start of a task that it waited for
   * @returns null when there is nobody to make it at, now or any more
   */
  make(fault: Fault, trigger: JournalEntry | null): Injection | null {
    const [verb = '', target = ''] = fault.kind.split(' ');
    const disturbed = this.unfinished();
    const made =
      verb in SIGNALS
        ? this.signal({ fault, verb: verb as keyof typeof SIGNALS, target, trigger })
        : target === 'artifact'
          ? this.damage(verb, fault.first)
          : verb === 'restart'
            ? this.restart(fault)
            : verb === 'disk-full'
              ? this.fillDisk(target)
              : this.disturbLink({ fault, verb, target, trigger });
    if (made === null) return null;
    return {
      kind: fault.kind,
      atMs: this.madeAtMs,
      disturbed,
      agent: null,
      killedMachine: null,
      killedTask: null,
      undo: null,
      going: null,
      ...made,
    };
  }

  private unfinished(): string[] {
    const done = new Set(this.site.accepted().map(({ task }) => task));
    return Object.keys(CHAOS_TASKS).filter((id) => !done.has(id));
  }

  private agentOf(fault: Fault, trigger: JournalEntry | null): AgentSeat | null {
    const running = this.site.agents.filter(({ process }) => process.running);
    const wanted = trigger?.machine ?? `agent-${fault.agent + 1}`;
    return running.find(({ name }) => name === wanted) ?? running[0] ?? null;
  }

  private tasksAt({ name }: AgentSeat): JournalEntry[] {
    const alive = new Set(this.site.fleet.runningProcesses().map(({ pid }) => pid));
    return runningTasks(this.site.journal()).filter(({ machine, pid }) => machine === name && alive.has(pid));
  }

  /** Never a process that is not of this run: its id may be that of another one by now. */
  private send(pids: readonly number[], signal: NodeJS.Signals): void {
    const own = new Set(this.site.fleet.runningProcesses().map(({ pid }) => pid));
    const victims = pids.filter((pid) => own.has(pid));
    if (signal !== 'SIGCONT') this.madeAtMs = Date.now();
    for (const pid of victims) signalProcess(pid, signal);
  }

  private signal(options: {
    fault: Fault;
    verb: keyof typeof SIGNALS;
    target: string;
    trigger: JournalEntry | null;
  }): Made | null {
    const { fault, verb, target, trigger } = options;
    const victim = this.victim(fault, target, verb, trigger);
    if (victim === null || victim.pids.length === 0) return null;
    this.send(victim.pids, SIGNALS[verb]);
    const { killedMachine, killedTask = null, disturbed, agent = null } = victim;
    return {
      agent,
      ...(disturbed === undefined ? {} : { disturbed }),
      ...(verb === 'freeze' ? { undo: () => this.send(victim.pids, 'SIGCONT') } : {}),
      ...(verb === 'kill' && killedMachine !== undefined ? { killedMachine } : {}),
      ...(verb === 'freeze' ? {} : { killedTask }),
    };
  }

  private victim(
    fault: Fault,
    target: string,
    verb: keyof typeof SIGNALS,
    trigger: JournalEntry | null,
  ): Victim | null {
    if (target === 'coordinator') {
      const pid = this.site.coordinatorPid();
      return pid === null ? null : { pids: [pid] };
    }
    if (target === 'main') {
      const { machine, command } = this.site.main;
      if (command?.process.running !== true) return null;
      const { pid } = command.process;
      if (verb === 'term') return { pids: [pid] };
      const pids = verb === 'kill' ? pidsBelow(machine.folder) : processTree(pid).map((each) => each.pid);
      return { pids, killedMachine: machine.name };
    }
    const agent = this.agentOf(fault, trigger);
    if (agent === null) return null;
    const { pid } = agent.process;
    const tasks = this.tasksAt(agent);
    if (target === 'agent') {
      const alone = verb === 'term' || (verb === 'kill' && fault.first);
      return {
        pids: alone ? [pid] : pidsBelow(agent.machine.folder),
        disturbed: tasks.map(({ id }) => id),
        agent: agent.name,
        killedMachine: agent.name,
      };
    }
    const task = tasks.find((each) => each.pid === trigger?.pid) ?? tasks[0];
    const line = task === undefined ? null : lineage(pid, task.pid);
    if (task === undefined || line === null) return null;
    const concerned = { disturbed: [task.id], agent: agent.name };
    if (target === 'executor') return { ...concerned, pids: [line.executor] };
    return { ...concerned, pids: processTree(line.root).map((each) => each.pid), killedTask: task };
  }

  private disturbLink(options: {
    fault: Fault;
    verb: string;
    target: string;
    trigger: JournalEntry | null;
  }): Made | null {
    const { fault, verb, target, trigger } = options;
    const agent = target === 'agent' ? this.agentOf(fault, trigger) : null;
    const seat = target === 'main' ? this.site.main : agent;
    if (seat === null) return null;
    const link = seat.link.index;
    const { links } = this.site;
    const forMs = fault.forMs ?? 0;
    const disturbed = agent === null ? null : this.tasksAt(agent).map(({ id }) => id);
    this.madeAtMs = Date.now();
    if (verb === 'cut' || verb === 'stall') links.tell({ what: verb, link, forMs });
    else if (verb === 'reset') links.tell({ what: verb, link });
    else if (verb === 'slow') links.tell({ what: verb, link, forMs, bytesPerSecond: SLOW_BYTES_PER_SECOND });
    else links.tell({ what: 'half-open', link, believer: fault.first ? 'client' : 'server' });
    return agent === null || disturbed === null ? {} : { agent: agent.name, disturbed };
  }

  private fillDisk(target: string): Made | null {
    const disk =
      target === 'coordinator'
        ? this.site.coordinatorDisk
        : target === 'main'
          ? this.site.main.disk
          : this.site.agents.find((agent) => agent.disk !== null)?.disk;
    if (disk === null || disk === undefined) return null;
    this.madeAtMs = Date.now();
    disk.fill();
    return { undo: () => disk.makeRoom() };
  }

  private damage(verb: string, first: boolean): Made | null {
    const stored = this.site.dataFolders().flatMap(artifactsBelow);
    const path = first ? stored[0] : stored.at(-1);
    if (path === undefined) return null;
    const content = readFileSync(path);
    this.madeAtMs = Date.now();
    const middle = content.length >> 1;
    if (verb === 'truncate') truncateSync(path, middle);
    else {
      content[middle] = (content[middle] ?? 0) ^ 0x10;
      writeFileSync(path, content);
    }
    return {};
  }

  private restart({ forMs, first }: Fault): Made | null {
    const process = this.site.coordinators.at(-1);
    if (process?.running !== true) return null;
    this.madeAtMs = Date.now();
    const again = async (): Promise<void> => {
      this.send([process.pid], first ? 'SIGKILL' : 'SIGTERM');
      // A frozen one hears it when it is thawed.
      await process.end();
      await delay(forMs ?? 0);
      await this.site.startCoordinator();
    };
    return { going: again() };
  }
}

/** The executor of an agent in which a process of a task runs, and the first process below it. */
function lineage(agent: number, task: number): { executor: number; root: number } | null {
  const parents = new Map(processTree(agent).map(({ pid, parentPid }) => [pid, parentPid]));
  const line = [task];
  for (let pid = task; pid !== agent; line.unshift(pid)) {
    const parent = parents.get(pid);
    if (parent === undefined) return null;
    pid = parent;
  }
  const [, executor, root] = line;
  return executor === undefined || root === undefined ? null : { executor, root };
}

/** What holds something: those of tasks without outputs may be empty. */
function isDamageable(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size > 1;
}

/** Whole ones, by name. */
function artifactsBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => basename(dirname(path)) === 'artifacts' && !basename(path).startsWith('.'))
    .filter((path) => isDamageable(path))
    .sort();
}
