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
/** Most tasks of the workspace; a moment beyond it is never reached. */
const LATEST = 12;

const kindsOf = (verbs: readonly string[], targets: readonly string[]): FaultKind[] =>
  verbs.flatMap((verb) => targets.map((target) => `${verb} ${target}` as FaultKind));

/** By group, because there are many kinds of some and few of others, and all groups are of the same interest. */
const GROUPS: readonly (readonly FaultKind[])[] = [
  kindsOf(['kill'], PROCESSES),
  kindsOf(['freeze'], PROCESSES),
  kindsOf(['term'], PROCESSES),
  kindsOf(['cut', 'stall', 'slow', 'reset', 'half-open'], LINKS),
  kindsOf(['disk-full'], DISKS),
  kindsOf(['flip', 'truncate'], ['artifact']),
  ['restart coordinator'],
];

const pickKind = (random: SeededRandom, mode: Mode): FaultKind => {
  for (;;) {
    const kind = random.pick(random.pick(GROUPS));
    // Nobody restarts the coordinator of a main job but the main job.
    if (mode === 'standalone' || kind !== 'restart coordinator') return kind;
  }
};

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

/** What happens in one run of a seed: the same for the same numbers, whatever the other runs are. */
export function planRun(seed: number, run: number): RunPlan {
  // Neighbours would begin alike.
  const random = seededRandom(seed * 7919 + run * 104_729).fork();
  const mode: Mode = run % 2 === 1 ? 'embedded' : 'standalone';
  const waits = random.chance(1 / 3) ? 'default' : 'short';
  const agents = random.int(2, 3);
  const fails = random.chance(0.3);
  const faults: Fault[] = Array.from({ length: random.int(1, 3) }, () => {
    const kind = pickKind(random, mode);
    const moment: Moment = random.chance(0.6)
      ? { after: 'started', count: random.int(1, LATEST) }
      : { after: 'accepted', count: random.int(1, LATEST - 2) };
    return {
      kind,
      moment,
      agent: random.int(0, agents - 1),
      forMs: durationOf(kind, waits, random),
      first: random.chance(0.5),
    };
  });
  return { seed, run, mode, agents, fails, waits, faults };
}

const describeFault = ({ kind, moment, forMs, agent }: Fault): string => {
  const whose = /agent|executor/.test(kind) ? ` ${agent + 1}` : '';
  return `${kind}${whose} after ${moment.count} ${moment.after}${forMs === null ? '' : ` for ${forMs} ms`}`;
};

/** In one line. */
export const describePlan = ({ mode, agents, fails, waits, faults }: RunPlan): string =>
  `${mode}, ${agents} agents, ${waits} waits${fails ? ', a task fails' : ''}: ${faults.map(describeFault).join('; ')}`;
