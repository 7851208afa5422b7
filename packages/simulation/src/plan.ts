import { LIMITS, type RunSpec } from '@org/dte-protocol';
import { runSpec, type SeededRandom, seededRandom, taskSpec } from '@org/dte-testing';
import { CLEAR, type Direction, type Weather } from './network';

/** A fault and whom it affects: `who` is an index into the agents or main jobs that exist at that time. */
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

/** Probabilities of failures in parts of agents and main jobs that are not simulated. */
export interface Fortune {
  /** An attempt is returned. */
  readonly returned: number;
  /** The artifact that a result names is not in the store. */
  readonly unstored: number;
  /** The main job cannot take over a result, or cannot report it to Nx. */
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
  /** Slots of the first agents; null: set by the runs. */
  readonly agents: readonly (number | null)[];
  readonly weather: Weather;
  readonly fortune: Fortune;
  /** How long a disconnected agent is waited for. Whatever it is, it may cost attempts, and nothing else. */
  readonly agentReturnMs: number;
  readonly faults: readonly PlannedFault[];
  /** After this time there are no faults, except for `gone`. */
  readonly calmAtMs: number;
  /** Each main job says that the session is over with its run, and that agents may leave before, as soon as nothing can use them. */
  readonly releasesEarly: boolean;
  /** What stops at `calmAtMs` and does not come back while a main job waits for it; null: nothing. */
  readonly gone: 'agents' | 'coordinator' | null;
}

/** A task that never succeeds. */
const ALWAYS = 99;

/** Whether it succeeds in the end, with its retries. */
export const succeeds = ({ failures, retries }: PlannedTask): boolean => failures <= retries;

/** The plan without any faults. */
export const withoutFaults = (plan: Plan): Plan => ({
  ...plan,
  weather: CLEAR,
  fortune: FORTUNATE,
  faults: [],
  gone: null,
});

/** Most tasks of a run. Not configurable: small graphs find faults as well and run faster. */
const MAX_TASKS = 9;
/** When the faults stop. Not configurable: it is part of what a seed stands for. */
const CALM_AT_MS = 120_000;

/** Any number: it only separates two random sources of one seed. */
const GONE_SALT = 0x60e;

/** As GONE_SALT. */
const EARLY_SALT = 0xea51;

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
    // As below.
    releasesEarly: seededRandom(seed ^ EARLY_SALT).chance(0.5),
    // A random source of its own: a seed stands for the same faults as before.
    gone: seededRandom(seed ^ GONE_SALT).pick([null, null, 'agents', 'coordinator']),
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
