import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileFacts, type FileFacts } from '@org/dte-parity';
import { type ProcessExit, processesBelow, signalProcess, waitFor } from '../process';
import type { Machine } from '../workspace';
import { type Injection, Injector } from './inject';
import type { Fault, RunPlan } from './plan';
import { noticedAfterMs } from './observe';
import { ChaosSite, isCoordinator } from './site';
import { type End, type Evidence, judge, recoveryMs, type Violation } from './verdict';
import { chaosFleet, failingIn } from './workspace';

/** What is waited for comes much sooner, and on a machine that is ten times overloaded still within this time. */
const RUN_MS = 15 * 60_000;
/** Timeout for the processes to exit. Not configurable: it suffices on a machine that is ten times overloaded. */
const LEAVE_MS = 5 * 60_000;
/** Interval at which events are looked for. Not configurable: the waits have timeouts. */
const POLL_MS = 50;

/** A fault that was made, and how long it took. */
export interface MadeFault extends Pick<Injection, 'kind'> {
  /** Until the coordinator noticed that something is wrong with the agent; null: with none, or it did not notice. */
  readonly noticedMs: number | null;
  /** Until the next result of what was disturbed. */
  readonly recoveryMs: number | null;
}

export interface ChaosResult {
  readonly plan: RunPlan;
  readonly injections: readonly MadeFault[];
  /** Faults whose moment never came, or whose victim was gone. */
  readonly missed: readonly Fault[];
  readonly violations: readonly Violation[];
  readonly evidence: Evidence | null;
  readonly logs: Readonly<Record<string, string>>;
  readonly durationMs: number;
}

export interface ChaosRunOptions {
  readonly plan: RunPlan;
  /** What the same command leaves behind when it runs locally. */
  readonly expectedFiles: FileFacts;
  readonly canMount: boolean;
  /** Called with what ends the run early, as on Ctrl-C. */
  readonly onOpen: (close: () => Promise<unknown>) => void;
}

/** One run of a plan, from the first process to the last check. */
export class ChaosRun {
  private readonly site: ChaosSite;
  private readonly injector: Injector;
  private readonly pending: Fault[];
  private readonly injections: Injection[] = [];
  private readonly interrupted: End[] = [];
  private readonly leftovers: string[] = [];
  private readonly undone = new Set<Injection>();

  private constructor(private readonly options: ChaosRunOptions) {
    const { plan, canMount } = options;
    this.site = new ChaosSite(chaosFleet(plan.fails), plan, canMount);
    this.injector = new Injector(this.site);
    this.pending = [...plan.faults];
  }

  /** Never throws for what the run does: whatever goes wrong is a violation. */
  static async perform(options: ChaosRunOptions): Promise<ChaosResult> {
    const run = new ChaosRun(options);
    options.onOpen(() => run.site.close());
    const startedMs = Date.now();
    let evidence: Evidence | null = null;
    const violations: Violation[] = [];
    try {
      evidence = await run.observe();
      violations.push(...judge(evidence));
    } catch (thrown) {
      violations.push({ kind: 'wrongExit', what: String((thrown as Error).stack) });
    }
    const { site, injections, pending: missed } = run;
    const logs = site.logs();
    await site.close();
    const timed = injections.map((injection) => ({
      kind: injection.kind,
      noticedMs:
        injection.agent === null
          ? null
          : noticedAfterMs(logs['coordinator'] ?? '', injection.agent, injection.atMs),
      recoveryMs: evidence === null ? null : recoveryMs(injection, evidence),
    }));
    const durationMs = Date.now() - startedMs;
    return { plan: options.plan, injections: timed, missed, violations, evidence, logs, durationMs };
  }

  private async observe(): Promise<Evidence> {
    const { site } = this;
    await site.open();
    let end = await this.command();
    while (this.wasInterrupted(end)) {
      this.interrupted.push(end);
      await this.endJob();
      await site.beginMain();
      end = await this.command();
    }
    await this.undoAll();
    const complete = await site.complete();
    const agents = await this.agentEnds();
    await this.endCoordinator();
    await this.everybodyGone();
    const { machine, command } = site.main;
    return {
      failing: failingIn(this.options.plan.fails),
      injections: this.injections,
      interrupted: this.interrupted,
      end,
      tasks: command!.recording().tasks,
      files: fileFacts(machine.workspace, ['dist']),
      expectedFiles: this.options.expectedFiles,
      journal: site.journal(),
      accepted: site.accepted(),
      agents,
      complete,
      leftovers: [...this.leftovers, ...this.tempFiles()],
    };
  }

  /** Runs the nx command, and makes the faults whose moments come meanwhile. */
  private async command(): Promise<ProcessExit> {
    const command = this.site.startCommand();
    const giveUpMs = Date.now() + RUN_MS;
    while (command.running && Date.now() < giveUpMs) {
      this.makeDue();
      this.undoDue();
      await delay(POLL_MS);
    }
    return await command.end(1);
  }

  private makeDue(): void {
    if (this.pending.length === 0) return;
    const starts = this.site.journal().filter(({ what }) => what === 'start');
    const accepted = new Set(this.site.accepted().map(({ task }) => task)).size;
    for (const fault of [...this.pending]) {
      const { after, count } = fault.moment;
      if ((after === 'started' ? starts.length : accepted) < count) continue;
      const injection = this.injector.make(fault, after === 'started' ? (starts[count - 1] ?? null) : null);
      if (injection === null) continue;
      this.pending.splice(this.pending.indexOf(fault), 1);
      this.injections.push(injection);
      if (injection.undo !== null && fault.forMs !== null) this.undoLater(injection, fault.forMs);
    }
  }

  private readonly dueAtMs = new Map<Injection, number>();

  private undoLater(injection: Injection, forMs: number): void {
    this.dueAtMs.set(injection, injection.atMs + forMs);
  }

  private undoDue(): void {
    for (const [injection, atMs] of this.dueAtMs) if (Date.now() >= atMs) this.undo(injection);
  }

  private undo(injection: Injection): void {
    if (this.undone.has(injection)) return;
    this.undone.add(injection);
    this.dueAtMs.delete(injection);
    injection.undo?.();
  }

  /** The command is over: what is frozen has to go on, so that it can leave. */
  private async undoAll(): Promise<void> {
    for (const injection of this.injections) this.undo(injection);
    for (const { going } of this.injections) await going;
  }

  private wasInterrupted({ code, signal }: ProcessExit): boolean {
    return signal !== null || code === 143;
  }

  /** The job of an ended command is over, with all that it has in the background: its container goes. */
  private async endJob(): Promise<void> {
    const { folder, name } = this.site.main.machine;
    const others = (): string[] =>
      processesBelow(folder)
        .filter((info) => !isCoordinator(info))
        .map(({ pid, command }) => `still running on ${name}: ${pid} ${command}`);
    await waitFor('the end of what the command had started', () => others().length === 0, {
      deadlineMs: LEAVE_MS,
    }).catch(() => this.leftovers.push(...others()));
    for (const { pid } of processesBelow(folder)) signalProcess(pid, 'SIGKILL');
  }

  private async agentEnds(): Promise<Record<string, End>> {
    const ends: Record<string, End> = {};
    for (const { name, process } of this.site.agents)
      ends[name] = await process
        .end(LEAVE_MS)
        .catch(() => ({ code: null, signal: null, output: process.output() }));
    return ends;
  }

  private async endCoordinator(): Promise<void> {
    const process = this.site.coordinators.at(-1);
    if (process?.running !== true) return;
    process.signal('SIGTERM');
    const { code, signal } = await process.end(LEAVE_MS);
    if (code !== 0) this.leftovers.push(`the coordinator ended with ${String(code ?? signal)}`);
  }

  private async everybodyGone(): Promise<void> {
    const { fleet } = this.site;
    await waitFor('the end of every process', () => fleet.runningProcesses().length === 0, {
      deadlineMs: LEAVE_MS,
    }).catch(() => {
      for (const { pid, command } of fleet.runningProcesses())
        this.leftovers.push(`still running: ${pid} ${command}`);
    });
  }

  /** Of all jobs that were not killed: a job that was takes its files with it. */
  private tempFiles(): string[] {
    const killed = new Set(this.injections.map(({ killedMachine }) => killedMachine));
    const machines = [...this.site.agents, ...this.site.mains.slice(-1)].map(({ machine }) => machine);
    return machines.filter(({ name }) => !killed.has(name)).flatMap(tempFilesOf);
  }
}

/** Names of files that somebody writes before they get their own. */
const UNFINISHED = /^\.tmp-|\.part$|\.tmp$/;

function tempFilesOf(machine: Machine): string[] {
  const temp = machine.env['TMPDIR'] ?? '';
  const inTemp = existsSync(temp) ? readdirSync(temp) : [];
  const elsewhere = ['workspace/.nx', 'nx-cache', 'nx-data', 'workspace/dist'].flatMap((folder) => {
    const path = join(machine.folder, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((entry) => UNFINISHED.test(entry.split('/').at(-1) ?? ''))
      .map((entry) => join(folder, entry));
  });
  return [...inTemp.map((entry) => join('TMPDIR', entry)), ...elsewhere].map(
    (path) => `left on ${machine.name}: ${path}`,
  );
}
