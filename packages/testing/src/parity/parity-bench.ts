import {
  compare,
  type Difference,
  fileFacts,
  type Observation,
  placeOf,
  type Recording,
} from '@org/dte-parity';
import { join } from 'node:path';
import type { ProcessExit } from '../process';
import { type Fleet, type Machine, Pipeline } from '../workspace';
import { normalise, type Replacement } from './normalise';
import { RecordedCommand } from './recorder';
import { makeDistributed, makePlain } from './seam';

export interface ParityOptions {
  /** Default 2. */
  agents?: number;
  /** For both sides: the plain machine, the main job and the agents. */
  env?: Record<string, string>;
  /** Only for the agents, as their own CI jobs would set it. */
  agentEnv?: Record<string, string>;
  /** Only for the distributed side: options of the product (DTE_...). */
  dteEnv?: Record<string, string>;
  /** For terminal output, in addition to times, paths and process ids. */
  replace?: readonly Replacement[];
  /** A second plain machine; differences between the two are not reproducible and are ignored. Default false. */
  twice?: boolean;
}

export interface CompareOptions {
  /** Arguments of the command, on both sides. */
  env?: Record<string, string>;
  /** Timeout for one command in milliseconds; default five minutes. */
  deadlineMs?: number;
  /** Default: cold, then warm (the same command again, with all caches kept). */
  rounds?: readonly RoundName[];
  /** Expected differences; they are reported separately. A test should give the reason. */
  ignore?: (difference: Difference) => boolean;
}

export type RoundName = 'cold' | 'warm';

/** One command, run on both sides. */
export interface Round {
  readonly name: RoundName;
  readonly plain: Observation;
  readonly distributed: Observation;
  /** Task -> where it ran: `agent-1`, `main`, or `cache`. */
  readonly places: Readonly<Record<string, string>>;
  readonly differences: readonly Difference[];
  /** Differences that were expected, or also occur between two plain runs. */
  readonly ignored: readonly Difference[];
  readonly exits: { readonly plain: ProcessExit; readonly distributed: ProcessExit };
}

/** The result of one command. */
export interface ParityReport {
  readonly command: readonly string[];
  readonly rounds: readonly Round[];
  readonly tasks: number;
  readonly differences: number;
}

/** How long one command may take, on the slow machines of CI as well. */
const DEADLINE_MS = 300_000;
const FROM_CACHE = 'cache';

/**
 * On a large workspace, the plain side may take hours before the distributed side has its first command, and only this
 * process knows that one will come. So it ends the session itself.
 */
const PATIENT = { DTE_SESSION_IDLE_MS: '86400000', DTE_AGENT_IDLE_MS: '86400000' };

/** One workspace, a plain machine, and a pipeline of a main job and agents; runs any number of commands one after the other. */
export class ParityBench {
  private constructor(
    readonly fleet: Fleet,
    readonly pipeline: Pipeline,
    private readonly machines: { readonly plain: Machine; readonly second: Machine | null },
    private readonly options: ParityOptions,
  ) {}

  get plain(): Machine {
    return this.machines.plain;
  }

  /** Creates the machines and starts the agents. The caller closes the fleet. */
  static async open(fleet: Fleet, options: ParityOptions = {}): Promise<ParityBench> {
    const { agents = 2, env = {}, agentEnv = {}, dteEnv = {}, twice = false } = options;
    const plainMachine = async (name: string): Promise<Machine> => {
      const machine = fleet.machine(name, { ci: false, env: { CI: 'true', ...env } });
      await makePlain(machine);
      return machine;
    };
    const distributed = async (name: string, more: Record<string, string> = {}): Promise<Machine> => {
      const machine = fleet.machine(name, { env: { ...PATIENT, ...env, ...dteEnv, ...more } });
      await makeDistributed(machine);
      return machine;
    };
    const plain = await plainMachine('plain');
    const second = twice ? await plainMachine('plain-2') : null;
    const pipeline = new Pipeline(fleet, await distributed('main'));
    await pipeline.startCiRun();
    for (let index = 1; index <= agents; index++) {
      const name = `agent-${index}`;
      pipeline.startAgent(name, {}, await distributed(name, agentEnv));
    }
    return new ParityBench(fleet, pipeline, { plain, second }, options);
  }

  /** Runs a command on both sides, one after the other, and compares. */
  async compare(command: readonly string[], options: CompareOptions = {}): Promise<ParityReport> {
    const rounds: Round[] = [];
    for (const name of options.rounds ?? ['cold', 'warm'])
      rounds.push(await this.round(name, command, options));
    return {
      command,
      rounds,
      tasks: Object.keys(rounds[0]?.plain.tasks ?? {}).length,
      differences: rounds.reduce((sum, { differences }) => sum + differences.length, 0),
    };
  }

  private async round(
    name: RoundName,
    command: readonly string[],
    { env = {}, deadlineMs = DEADLINE_MS, ignore = () => false }: CompareOptions,
  ): Promise<Round> {
    const run = (machine: Machine): ReturnType<ParityBench['observe']> =>
      this.observe(machine, command, env, deadlineMs);
    const plain = await run(this.plain);
    const unstable = new Set<string>();
    if (this.machines.second !== null) {
      const again = await run(this.machines.second);
      for (const difference of compare(plain.observation, again.observation))
        unstable.add(placeOf(difference));
    }
    const read = this.pipeline.agents.map(({ process }) => process.output().length);
    const distributed = await run(this.pipeline.main);
    const found = compare(plain.observation, distributed.observation);
    const counts = (difference: Difference): boolean =>
      !unstable.has(placeOf(difference)) && !ignore(difference);
    return {
      name,
      plain: plain.observation,
      distributed: distributed.observation,
      places: this.places(distributed.observation, read),
      differences: found.filter(counts),
      ignored: found.filter((difference) => !counts(difference)),
      exits: { plain: plain.exit, distributed: distributed.exit },
    };
  }

  /** Agents print each task when it ends. */
  private places({ tasks }: Observation, read: readonly number[]): Record<string, string> {
    const places: Record<string, string> = {};
    for (const [id, { status }] of Object.entries(tasks))
      places[id] = status.includes(FROM_CACHE) ? 'cache' : status === 'skipped' ? '' : 'main';
    this.pipeline.agents.forEach(({ name, process }, index) => {
      for (const [, id = ''] of process
        .output()
        .slice(read[index])
        .matchAll(/^(?:✔|✖) (\S+)/gm))
        if (id in places) places[id] = name;
    });
    return places;
  }

  private async observe(
    machine: Machine,
    command: readonly string[],
    env: Record<string, string>,
    deadlineMs: number,
  ): Promise<{ observation: Observation; exit: ProcessExit }> {
    const recorded = RecordedCommand.start(machine, command, { env, deadlineMs });
    const exit = await recorded.process.end(deadlineMs);
    return { observation: this.facts(machine, exit, recorded.recording()), exit };
  }

  private facts(machine: Machine, exit: ProcessExit, { tasks, completed }: Recording): Observation {
    const folders = Object.fromEntries(
      [machine, ...this.pipeline.agents.map((agent) => agent.machine)].flatMap(({ folder }) => [
        [join(folder, 'workspace'), '<workspace>'],
        [folder, '<machine>'],
      ]),
    ) as Record<string, string>;
    return {
      exitCode: exit.code ?? exit.signal ?? 'unknown',
      completed,
      tasks: Object.fromEntries(
        Object.entries(tasks).map(([id, { status, code, ends, terminalOutput, outputs }]) => [
          id,
          {
            status,
            code,
            ends,
            terminalOutput: normalise(terminalOutput, folders, this.options.replace),
            files: fileFacts(machine.workspace, outputs),
          },
        ]),
      ),
    };
  }
}
