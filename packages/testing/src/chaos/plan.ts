import { type SeededRandom, seededRandom } from '../simulation/seeded-random';

export type Mode = 'embedded' | 'standalone';

const PROCESSES = ['agent', 'executor', 'task', 'coordinator', 'main'] as const;
const LINKS = ['agent', 'main'] as const;
const DISKS = ['agent', 'coordinator', 'main'] as const;

type ProcessFault = `${'kill' | 'freeze' | 'term'} ${(typeof PROCESSES)[number]}`;
type LinkFault = `${'cut' | 'stall' | 'slow' | 'reset' | 'half-open'} ${(typeof LINKS)[number]}`;
type DiskFault = `disk-full ${(typeof DISKS)[number]}`;
type ArtifactFault = `${'flip' | 'truncate'} artifact`;

/** What is done to whom. */
export type FaultKind = ProcessFault | LinkFault | DiskFault | ArtifactFault | 'restart coordinator';

/** An event of the run, not a time: on a machine that is busy the same happens, only later. */
export interface Moment {
  /** `started`: so many tasks have started, on any machine. `accepted`: so many results were accepted. */
  readonly after: 'started' | 'accepted';
  readonly count: number;
}

export interface Fault {
  readonly kind: FaultKind;
  readonly moment: Moment;
  /** Index of the agent it is about; with a moment of `started`, the agent where that task started is taken instead. */
  readonly agent: number;
  /** How long it lasts, where it does; ms. Null: until the end of the run. */
  readonly forMs: number | null;
  /** Of the two sides or ways that some faults have. */
  readonly first: boolean;
}

export interface RunPlan {
  readonly seed: number;
  readonly run: number;
  readonly mode: Mode;
  readonly agents: number;
  /** A task of the workspace fails. */
  readonly fails: boolean;
  /** Lease, grace and the like: those of production, or shorter ones, with which more fits into the time. */
  readonly waits: 'default' | 'short';
  readonly faults: readonly Fault[];
}

/** How long a process is suspended: longer than its lease. Not configurable: the fault is defined by it. */
const FREEZE_MS = 40_000;
/** Faults of one run: with more, it would no longer be known what a run that does not hold has suffered from. */
const MOST_FAULTS = 3;
/** Of 12 to 15 tasks, the last whose start is waited for: after it there is still somebody at work. */
const LATEST_START = 9;

const kindsOf = (verbs: readonly string[], targets: readonly string[]): FaultKind[] =>
  verbs.flatMap((verb) => targets.map((target) => `${verb} ${target}` as FaultKind));

/** All kinds of faults. */
export const FAULT_KINDS: readonly FaultKind[] = [
  ...kindsOf(['kill', 'freeze', 'term'], PROCESSES),
  ...kindsOf(['cut', 'stall', 'slow', 'reset', 'half-open'], LINKS),
  ...kindsOf(['disk-full'], DISKS),
  ...kindsOf(['flip', 'truncate'], ['artifact']),
  'restart coordinator',
];

/** After these there is no coordinator in this run, and nothing else can be done to it. */
const LAST: readonly FaultKind[] = ['kill coordinator', 'term coordinator'];

/**
 * The order of faults in a run. A main job that has lost its coordinator runs what is left itself, and its agents leave: whatever is
 * to happen to them must happen before that.
 */
function rankOf(kind: FaultKind): number {
  if (LAST.includes(kind)) return 3;
  if (kind === 'restart coordinator') return 1;
  return / (coordinator|main)$/.test(kind) ? 2 : 0;
}

function mayJoin(kind: FaultKind, mode: Mode, others: readonly FaultKind[]): boolean {
  // Nobody restarts the coordinator of a main job but the main job.
  if (kind === 'restart coordinator' && mode === 'embedded') return false;
  return !LAST.includes(kind) || !others.some((other) => LAST.includes(other));
}

/** Deals kinds of faults: each of them once, in any order, then all of them again. So a short round has them all. */
class Deck {
  private cards: FaultKind[];

  constructor(private readonly random: SeededRandom) {
    this.cards = shuffled(FAULT_KINDS, random);
  }

  deal(count: number, mode: Mode): FaultKind[] {
    const hand: FaultKind[] = [];
    while (hand.length < count) {
      const at = this.cards.findIndex((kind) => !hand.includes(kind) && mayJoin(kind, mode, hand));
      if (at < 0) this.cards.push(...shuffled(FAULT_KINDS, this.random));
      else hand.push(...this.cards.splice(at, 1));
    }
    return hand;
  }
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.int(0, left.length - 1), 1));
}

const modeOf = (run: number): Mode => (run % 2 === 1 ? 'embedded' : 'standalone');

/** What happens in a run depends on what the runs before it have not used up. */
function kindsOfRun(seed: number, run: number): FaultKind[] {
  const random = seededRandom(seed * 7919).fork();
  const deck = new Deck(random);
  let hand: FaultKind[] = [];
  // As many as possible at first: ten minutes are eleven runs on two cores.
  for (let each = 1; each <= run; each++)
    hand = deck.deal(
      each * MOST_FAULTS < FAULT_KINDS.length ? MOST_FAULTS : random.int(1, MOST_FAULTS),
      modeOf(each),
    );
  return hand.sort((one, other) => rankOf(one) - rankOf(other));
}

function durationOf(kind: FaultKind, waits: RunPlan['waits'], random: SeededRandom): number | null {
  const [verb] = kind.split(' ');
  switch (verb) {
    case 'freeze':
      return FREEZE_MS;
    case 'cut':
      return random.pick([0, 500, 3_000, 12_000]);
    case 'stall':
      return random.pick([2_000, 10_000, 40_000]);
    case 'slow':
      return random.pick([10_000, 30_000]);
    case 'disk-full':
      return random.pick([null, 2_000, 10_000]);
    case 'restart':
      // Below the time for which main jobs and agents wait.
      return waits === 'short' ? random.int(0, 8_000) : random.int(0, 24_000);
    default:
      return null;
  }
}

/** Early enough for all faults of the run to come, in their order. */
function momentOf(kind: FaultKind, place: number, of: number, random: SeededRandom): Moment {
  const earliest = 1 + Math.floor((place * LATEST_START) / of);
  const count = random.int(earliest, Math.max(earliest, Math.floor(((place + 1) * LATEST_START) / of)));
  // There must be something to damage, and results to come. Without a coordinator no further result is accepted.
  const isAccepted = kind.endsWith(' artifact') || (rankOf(kind) === 0 && random.chance(0.3));
  return isAccepted ? { after: 'accepted', count: Math.ceil(count / 2) } : { after: 'started', count };
}

/** What happens in one run of a seed: always the same for the same numbers. */
export function planRun(seed: number, run: number): RunPlan {
  // Neighbours would begin alike.
  const random = seededRandom(seed * 7919 + run * 104_729).fork();
  const waits = random.chance(1 / 3) ? 'default' : 'short';
  const fails = random.chance(0.3);
  const kinds = kindsOfRun(seed, run);
  // Somebody must be left for the other faults.
  const agents = Math.max(random.int(2, 3), 1 + kinds.filter((kind) => kind.endsWith(' agent')).length);
  const faults = kinds.map((kind, place): Fault => ({
    kind,
    moment: momentOf(kind, place, kinds.length, random),
    agent: random.int(0, agents - 1),
    forMs: durationOf(kind, waits, random),
    first: random.chance(0.5),
  }));
  return { seed, run, mode: modeOf(run), agents, fails, waits, faults };
}

const describeFault = ({ kind, moment, forMs, agent }: Fault): string => {
  const whose = /agent|executor/.test(kind) ? ` ${agent + 1}` : '';
  return `${kind}${whose} after ${moment.count} ${moment.after}${forMs === null ? '' : ` for ${forMs} ms`}`;
};

/** In one line. */
export const describePlan = ({ mode, agents, fails, waits, faults }: RunPlan): string =>
  `${mode}, ${agents} agents, ${waits} waits${fails ? ', a task fails' : ''}: ${faults.map(describeFault).join('; ')}`;
