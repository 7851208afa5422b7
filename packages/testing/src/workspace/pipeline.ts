import { join } from 'node:path';
import { type ProcessExit, type RunningProcess, waitFor } from '../process';
import type { Machine, RunOptions } from './machine';
import type { Fleet } from './fleet';

/** A job that runs `dte start-agent`. */
export interface AgentJob {
  name: string;
  machine: Machine;
  process: RunningProcess;
}

export interface AgentOptions extends RunOptions {
  /** Arguments of `dte start-agent`. */
  args?: readonly string[];
}

/** Prints what the main job of the sample workspaces runs; tests search for it in the answer of every distributed run. */
export const AFFECTED = ['affected', '-t', 'lint,test,build', '--parallel=2'] as const;

/** How long agents and coordinator may take to exit after they were told to. */
const LEAVE_MS = 45_000;

/** The jobs of one CI pipeline: a main job and its agents, each with its own machine. */
export class Pipeline {
  readonly agents: AgentJob[] = [];
  /** What `dte complete-ci-run` has printed. */
  completion = '';

  constructor(
    readonly fleet: Fleet,
    readonly main: Machine,
    /** For every job of this pipeline; by default with its own session. */
    readonly env: Readonly<Record<string, string>> = {},
  ) {}

  /** A fleet's first pipeline, with `start-ci-run` done and agents started (they connect when they are ready). */
  static async start(fleet: Fleet, agents: number, env: Record<string, string> = {}): Promise<Pipeline> {
    const pipeline = new Pipeline(fleet, fleet.machine('main'), env);
    await pipeline.startCiRun();
    for (let index = 1; index <= agents; index++) pipeline.startAgent(`agent-${index}`);
    return pipeline;
  }

  async startCiRun(args: readonly string[] = [], options: RunOptions = {}): Promise<ProcessExit> {
    const exit = await this.dte(['start-ci-run', '--distribute-on=manual', ...args], {
      name: 'start-ci-run',
      ...options,
    });
    if (exit.code !== 0) throw new Error(`dte start-ci-run ended with ${String(exit.code)}:\n${exit.output}`);
    return exit;
  }

  /** Starts an agent on a machine with that name, which is created if necessary. */
  startAgent(
    name: string,
    { args = [], env = {}, ...options }: AgentOptions = {},
    machine?: Machine,
  ): AgentJob {
    const on = machine ?? this.fleet.machine(name);
    const process = on.startDte(['start-agent', ...args], { name, ...options, env: { ...this.env, ...env } });
    const job = { name, machine: on, process };
    this.agents.push(job);
    return job;
  }

  agent(name: string): AgentJob {
    const job = this.agents.find((candidate) => candidate.name === name);
    if (!job) throw new Error(`No agent ${name} was started.`);
    return job;
  }

  /** A command of the main job. */
  async nx(args: readonly string[], options: RunOptions = {}): Promise<ProcessExit> {
    return await this.startNx(args, options).end(options.deadlineMs);
  }

  startNx(args: readonly string[], options: RunOptions = {}): RunningProcess {
    return this.main.startNx(args, { ...options, env: { ...this.env, ...options.env } });
  }

  async dte(args: readonly string[], options: RunOptions = {}): Promise<ProcessExit> {
    return await this.main.dte(args, { ...options, env: { ...this.env, ...options.env } });
  }

  /** The log of the coordinator that start-ci-run or the first command started. */
  get coordinatorLog(): string {
    const path = join('.nx', 'dte', 'coordinator.log');
    return this.main.exists(path) ? this.main.read(path) : '';
  }

  /** The last output of all processes, for troubleshooting. */
  describe(): string {
    const logs = this.agents.map(({ process }) => process.describe());
    return [...logs, `---- coordinator ----\n${this.coordinatorLog.slice(-8000)}`].join('\n');
  }

  /**
   * Ends the session as the last line of a main job does, and waits until all processes have exited.
   * @returns how each agent ended
   */
  async complete(): Promise<ProcessExit[]> {
    const exit = await this.dte(['complete-ci-run'], { name: 'complete-ci-run' });
    this.completion = exit.output;
    if (exit.code !== 0)
      throw new Error(`dte complete-ci-run ended with ${String(exit.code)}:\n${exit.output}`);
    const exits = await Promise.all(this.agents.map(({ process }) => process.end(LEAVE_MS)));
    await this.everybodyGone();
    return exits;
  }

  /** Waits until no process of the fleet is left: none may outlive its job. */
  async everybodyGone(): Promise<void> {
    await waitFor('the end of every process', () => this.fleet.runningProcesses().length === 0, {
      deadlineMs: LEAVE_MS,
      lastState: () =>
        [
          ...this.fleet.runningProcesses().map(({ pid, command }) => `${pid} ${command}`),
          this.describe(),
        ].join('\n'),
    });
  }
}
