import { LIMITS, type RunSpec } from '@org/dte-protocol';
import { runSpec, type SeededRandom, seededRandom, taskSpec } from '@org/dte-testing';
import { CLEAR, type Direction, type Weather } from './network';

/** What goes wrong, and at whom: `who` is an index into those who are there then. */
export type Fault =
  | { readonly kind: 'freeze' | 'twin'; readonly who: number; readonly forMs: number }
  | { readonly kind: 'crash'; readonly who: number; readonly silently: boolean }
  | { readonly kind: 'join'; readonly who: number }
  | { readonly kind: 'drain' | 'lie' | 'executor-crash'; readonly who: number }
  | {
      readonly kind: 'cut';
      readonly whom: 'agent' | 'main';
      readonly who: number;
      readonly directions: readonly Direction[];
      readonly forMs: number;
    }
  | {
      readonly kind: 'reset';
      readonly whom: 'agent' | 'main';
      readonly who: number;
      readonly end: 'client' | 'server' | 'both';
    }
  | {
      readonly kind: 'half-open';
      readonly whom: 'agent' | 'main';
      readonly who: number;
      readonly end: 'client' | 'server';
    }
  | {
      readonly kind: 'stop-coordinator';
      readonly downMs: number;
      readonly silently: boolean;
      /** In the middle of its next write. */
      readonly inWrite: boolean;
    }
  | { readonly kind: 'disk-full'; readonly forMs: number }
  | { readonly kind: 'clock-step'; readonly byMs: number }
  | { readonly kind: 'cancel'; readonly who: number }
  | { readonly kind: 'kill-main'; readonly who: number };

export interface PlannedFault {
  readonly atMs: number;
  readonly fault: Fault;
}

/** How often the parts of agents and main jobs fail that are not simulated: probabilities. */
export interface Fortune {
  /** An attempt is returned. */
  readonly returned: number;
  /** The artifact that a result names is not in the store. */
  readonly unstored: number;
  /** The main job cannot take a result over, or cannot tell Nx. */
  readonly untaken: number;
  /** A run is submitted twice at once. */
  readonly submittedTwice: number;
}

export const FORTUNATE: Fortune = { returned: 0, unstored: 0, untaken: 0, submittedTwice: 0 };

export interface PlannedTask {
  /** How often it fails before it succeeds; the same wherever and whenever it runs. */
  readonly failures: number;
  readonly retries: number;
  readonly durationMs: number;
}

export interface PlannedRun {
  readonly atMs: number;
  readonly spec: RunSpec;
  readonly tasks: ReadonlyMap<string, PlannedTask>;
}

export interface Plan {
  readonly seed: number;
  readonly runs: readonly PlannedRun[];
  /** Slots of the agents that are there from the start; null: what the runs say. */
  readonly agents: readonly (number | null)[];
  readonly weather: Weather;
  readonly fortune: Fortune;
  /** How long a disconnected agent is waited for. Whatever it is, it may cost attempts, and nothing else. */
  readonly agentReturnMs: number;
  readonly faults: readonly PlannedFault[];
  /** Nothing goes wrong any more from then on. */
  readonly calmAtMs: number;
}

/** A task that never succeeds. */
const ALWAYS = 99;

/** Does it succeed in the end, with the tries that it may have? */
export const succeeds = ({ failures, retries }: PlannedTask): boolean => failures <= retries;

/** The plan without all that goes wrong. */
export const withoutFaults = (plan: Plan): Plan => ({
  ...plan,
  weather: CLEAR,
  fortune: FORTUNATE,
  faults: [],
});

/** Most tasks of a run. Not configurable: small graphs find faults as well and run faster. */
const MAX_TASKS = 9;
/** When the faults stop. Not configurable: it is part of what a seed stands for. */
const CALM_AT_MS = 120_000;

/** The same seed, the same plan. */
export function planOf(seed: number): Plan {
  const random = seededRandom(seed);
  const maxTaskMs = random.pick([200, 5_000, 40_000]);
  const runs = Array.from({ length: random.pick([1, 1, 2]) }, (_, index) => runOf(random, index, maxTaskMs));
  const agents = Array.from({ length: random.pick([1, 2, 2, 3, 4]) }, () => random.pick([null, 1, 2, 3]));
  return {
    seed,
    runs,
    agents,
    weather: {
      loss: random.pick([0, 0, 0.02, 0.3]),
      duplication: random.pick([0, 0.3]),
      maxDelayMs: random.pick([5, 200, 4_000]),
      reorders: random.chance(0.5),
    },
    fortune: {
      returned: random.pick([0, 0.05, 0.3]),
      unstored: random.pick([0, 0, 0.1]),
      untaken: random.pick([0, 0.1]),
      submittedTwice: random.pick([0, 0.5]),
    },
    agentReturnMs: agentReturnOf(seed),
    faults: Array.from({ length: random.int(0, 8) }, () => ({
      atMs: random.int(0, CALM_AT_MS),
      fault: faultOf(random),
    })),
    calmAtMs: CALM_AT_MS,
  };
}

/** Far too short in half of the seeds. From a source of its own, so that a seed stands for the same faults as before. */
const agentReturnOf = (seed: number): number => {
  const usual = LIMITS.agentReturnMs.value;
  return seededRandom(seed ^ 0xa6e7).pick([usual, usual, 1, 1_000]);
};

function runOf(random: SeededRandom, index: number, maxTaskMs: number): PlannedRun {
  const runId = `r${index + 1}`;
  const count = random.int(0, MAX_TASKS);
  const tasks = new Map<string, PlannedTask>();
  const idOf = (task: number): string => `p${task}:build`;
  const batched = random.chance(0.2);
  const specs = Array.from({ length: count }, (_, task) => {
    const retries = random.pick([0, 0, 0, 1, 2]);
    const failures = random.pick([0, 0, 0, 0, 1, ALWAYS]);
    const dependencies = Array.from({ length: Math.min(task, random.int(0, 3)) }, () =>
      random.int(0, task - 1),
    );
    const isNoop = random.chance(0.1);
    const parallelism = random.chance(0.85);
    const batch = batched && !isNoop && parallelism && random.chance(0.5);
    tasks.set(idOf(task), {
      failures: isNoop ? 0 : failures,
      retries: batch ? 0 : retries,
      durationMs: random.int(1, maxTaskMs),
    });
    return taskSpec(idOf(task), [...new Set(dependencies)].map(idOf), {
      parallelism,
      weight: random.int(1, 9),
      ...(retries === 0 || batch ? {} : { retries }),
      ...(isNoop ? { initial: { state: 'noop' } } : {}),
      // A batch of neighbours cannot wait for another one that waits for it.
      ...(batch ? { batch: `b${task < count / 2 ? 1 : 2}` } : {}),
    });
  });
  const options = { parallel: random.int(1, 3), nxBail: random.chance(0.15) };
  return { atMs: random.int(0, 30_000), spec: runSpec(runId, specs, options), tasks };
}

function faultOf(random: SeededRandom): Fault {
  const who = random.int(0, 9);
  const whom = random.pick(['agent', 'main'] as const);
  const end = random.pick(['client', 'server'] as const);
  const forMs = random.pick([random.int(1, 5_000), random.int(5_000, 90_000)]);
  const silently = random.chance(0.5);
  const inWrite = random.chance(0.5);
  const directions = random.pick<readonly Direction[]>([['up'], ['down'], ['up', 'down']]);
  const byMs = random.pick([-3_600_000, -20_000, 10_000, 40_000, 3_600_000]);
  return random.pick<Fault>([
    { kind: 'freeze', who, forMs },
    { kind: 'freeze', who, forMs },
    { kind: 'twin', who, forMs },
    { kind: 'crash', who, silently },
    { kind: 'crash', who, silently },
    { kind: 'join', who },
    { kind: 'drain', who },
    { kind: 'lie', who },
    { kind: 'lie', who },
    { kind: 'executor-crash', who },
    { kind: 'cut', whom, who, directions, forMs },
    { kind: 'cut', whom, who, directions, forMs },
    { kind: 'reset', whom, who, end: random.pick(['client', 'server', 'both'] as const) },
    { kind: 'half-open', whom, who, end },
    { kind: 'stop-coordinator', downMs: forMs, silently, inWrite },
    { kind: 'stop-coordinator', downMs: forMs, silently, inWrite },
    { kind: 'stop-coordinator', downMs: random.int(0, 2_000), silently, inWrite: true },
    { kind: 'disk-full', forMs },
    { kind: 'clock-step', byMs },
    { kind: 'cancel', who },
    { kind: 'kill-main', who },
  ]);
}
