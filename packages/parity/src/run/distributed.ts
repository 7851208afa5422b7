import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { CannotTry } from '../model/cannot-try';
import type { Copies, Copy } from '../copies/copies';
import type { Env } from '../copies/environment';
import type { Recorder } from '../record/recorder';
import type { Child } from './child';
import type { Jobs } from './jobs';
import { lastLines } from './plan';

/** Name of the job that runs the command, on both sides: two plain runs must differ in nothing but time. */
export const MAIN_JOB = 'main';

/** How long a session may take to open, or to end. Not configurable: no task runs then. */
const SESSION_MS = 3 * 60_000;

/** A second command may come after a long plain run, and only this process knows that one will come: it ends the session. */
const PATIENT = {
  DTE_SESSION_IDLE_MS: '86400000',
  DTE_AGENT_IDLE_MS: '86400000',
  DTE_EMBEDDED_LINGER_MS: '1000',
};

export interface DistributedOptions {
  readonly jobs: Jobs;
  readonly copies: Copies;
  readonly root: string;
  /** Variables that the agents do not have. */
  readonly mainEnv: readonly string[];
}

/** A main job with its coordinator, and its agents. */
export class DistributedSide {
  private readonly agents: { readonly copy: Copy; readonly child: Child }[] = [];
  private readonly env: Env;
  private isOpen = false;
  private commands = 0;

  private constructor(
    private readonly options: DistributedOptions,
    readonly main: Copy,
  ) {
    this.env = { ...PATIENT, DTE_SESSION_ID: 'parity', DTE_RENDEZVOUS_DIR: join(options.root, 'rendezvous') };
  }

  static async create(options: DistributedOptions): Promise<DistributedSide> {
    return new DistributedSide(options, await options.copies.add('main', 'distributed', MAIN_JOB));
  }

  /** Copies of the agents, created when they are needed. */
  async addAgents(count: number): Promise<Copy[]> {
    const { copies } = this.options;
    const added: Copy[] = [];
    for (let index = 1; index <= count; index++) {
      const name = `agent-${index}`;
      added.push(await copies.add(name, 'distributed', name));
    }
    return added;
  }

  /** Starts the coordinator and the agents. @throws CannotTry */
  async open(agents: readonly Copy[]): Promise<void> {
    const { jobs, mainEnv } = this.options;
    const opened = jobs.dte(this.main, 'start-ci-run', ['start-ci-run', '--distribute-on=manual'], this.env);
    this.isOpen = true;
    const { code } = await opened.end(SESSION_MS);
    if (code !== 0) throw new CannotTry(`The coordinator did not start:\n${lastLines(opened.output())}`);
    const without = Object.fromEntries(mainEnv.map((name) => [name, undefined]));
    for (const copy of agents) {
      const child = jobs.dte(copy, copy.name, ['start-agent'], { ...this.env, ...without });
      this.agents.push({ copy, child });
    }
  }

  /** The command on the main job. */
  start(command: readonly string[]): [Child, Recorder] {
    return this.options.jobs.recorded(this.main, `distributed-${++this.commands}`, command, this.env);
  }

  /** Task -> the agent that ran it last: agents print each task when it ends. */
  places(): ReadonlyMap<string, string> {
    const places = new Map<string, string>();
    for (const { copy } of this.agents) {
      const log = stripVTControlCharacters(readFileSync(this.options.jobs.logOf(copy.name), 'utf8'));
      for (const [, id = ''] of log.matchAll(/^(?:✔|✖) (\S+)/gm)) places.set(id, copy.name);
    }
    return places;
  }

  /** Ends the session; agents and coordinator exit. What does not is stopped with everything else. */
  async close(): Promise<void> {
    if (!this.isOpen) return;
    this.isOpen = false;
    await this.options.jobs.dte(this.main, 'complete-ci-run', ['complete-ci-run'], this.env).end(SESSION_MS);
    await Promise.all(this.agents.map(({ child }) => child.end(SESSION_MS)));
  }
}
